import type { DescMethod } from '@bufbuild/protobuf';
import { WebRequestSchema } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import { accessOf } from '../../module/check-modules.ts';

/** Whether a method gets HTTP requests as they come, since their protocol is laid down by others. */
export const isWeb = ({ input }: DescMethod): boolean => input.typeName === WebRequestSchema.typeName;

/** Whether the header `authorization` of its requests is the protocol's own, and none of the guard's business. */
export const provesItself = (method: DescMethod): boolean => isWeb(method) && accessOf(method)?.rule.case === 'public';

import type { DescField, DescMessage, DescMethod } from '@bufbuild/protobuf';

const isHttpBody = (message: DescMessage | undefined): boolean => message?.typeName === 'google.api.HttpBody';

/** Whether a field holds the bytes of a body as they come, whatever their type. */
export const holdsContent = (field: DescField | '*' | undefined): field is DescField => field !== undefined && field !== '*' && field.fieldKind === 'message' && isHttpBody(field.message);

/** Whether the body of a REST request is passed on as it comes: a stream of messages, whose first bears the other fields. */
export const takesContent = ({ method, body }: { method: DescMethod; body?: DescField | '*' }): boolean => method.methodKind === 'client_streaming' && holdsContent(body);

/** Whether a method answers with bytes as they are. */
export const givesContent = (method: DescMethod): boolean => method.methodKind === 'server_streaming' && isHttpBody(method.output);

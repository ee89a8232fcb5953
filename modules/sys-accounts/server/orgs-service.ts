import type { ServiceImpl } from '@connectrpc/connect';
import type { OrgsService } from '../contract/index.ts';
import { memberMethods } from './member-methods.ts';
import type { Needs } from './needs.ts';
import { orgMethods } from './org-methods.ts';
import { projectMethods } from './project-methods.ts';

/** Customers: orgs, their projects and their members. */
export const orgsService = (needs: Needs): ServiceImpl<typeof OrgsService> => ({ ...orgMethods(needs), ...projectMethods(needs), ...memberMethods(needs) });

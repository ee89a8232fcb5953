import { errors } from '../../errors.ts';

/** The errors of SCIM (RFC 7644 §3.12), each with the name that the standard gives to its kind. */
export const scimErrors = {
  invalidFilter: (problem: string) => errors.SCIM_FILTER_UNFIT({ problem, scimType: 'invalidFilter' }),
  invalidSyntax: (problem: string) => errors.SCIM_REQUEST_UNFIT({ problem, scimType: 'invalidSyntax' }),
  invalidPath: (problem: string) => errors.SCIM_PATH_UNFIT({ problem, scimType: 'invalidPath' }),
  noTarget: (problem: string) => errors.SCIM_NO_TARGET({ problem, scimType: 'noTarget' }),
  invalidValue: (problem: string) => errors.SCIM_VALUE_UNFIT({ problem, scimType: 'invalidValue' }),
  mutability: (name: string) => errors.SCIM_UNCHANGEABLE({ name, scimType: 'mutability' }),
  uniqueness: (problem: string) => errors.SCIM_TAKEN({ problem, scimType: 'uniqueness' }),
  notFound: (what: string, id: string) => errors.SCIM_NOT_FOUND({ what, id }),
};

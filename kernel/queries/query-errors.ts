import { defineErrors, withViolations } from '../errors/define-errors.ts';

const errors = defineErrors('kernel', {
  INVALID_FILTER: ['InvalidArgument', 'the filter is not valid: {problem}'],
  INVALID_ORDER: ['InvalidArgument', 'order_by is not valid: {problem}'],
  INVALID_MASK: ['InvalidArgument', '{mask} is not valid: {problem}'],
});

/** A filter that can't be understood, and where; positions count from 1. */
export function invalidFilter(problem: string, at: number): Error {
  const description = `${problem}, at column ${at}`;
  return withViolations(errors.INVALID_FILTER({ problem: description }), [{ field: 'filter', description, reason: 'filter' }]);
}

/** An order that can't be had. */
export const invalidOrder = (problem: string): Error => withViolations(errors.INVALID_ORDER({ problem }), [{ field: 'order_by', description: problem, reason: 'order_by' }]);

/** Paths of a mask that name nothing that may be named; `mask` is the request's field. */
export const invalidMask = (mask: string, problems: readonly string[]): Error =>
  withViolations(errors.INVALID_MASK({ mask, problem: problems[0] ?? '' }), problems.map((description) => ({ field: mask, description, reason: mask })));

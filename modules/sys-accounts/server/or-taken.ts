import { isUniqueViolation } from '@mainstay/kernel';

/** Runs a write; when a unique index refuses it, throws `taken`. */
export async function orTaken<T>(taken: Error, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw isUniqueViolation(error) ? taken : error;
  }
}

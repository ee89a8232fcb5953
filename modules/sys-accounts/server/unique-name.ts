/** Runs a write; when a unique index refuses it, throws `taken` instead of PostgreSQL's error. */
export async function withUniqueName<T>(taken: Error, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw (error as { code?: string }).code === '23505' ? taken : error;
  }
}

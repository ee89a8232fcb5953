/** What a person was doing is not known any more, or not in this browser. */
export class SessionNotFound extends Error {
  override name = 'SessionNotFound';
}

/** What the door of a method adds to what the port knows of a request. */
export interface SeenCall {
  method: string;
  /** `OK`, or the code of the error. */
  code: string;
  reason?: string;
  traceId: string;
  accountId?: string;
  orgId?: string;
  /** It answers with one message, so that its time says something. */
  unary: boolean;
}

import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { mergeNonProtocolHeaders } from '@connectrpc/connect/protocol';
import type { InProcessCall } from './in-process-call.ts';

/**
 * The error that a caller gets for what a handler threw: what gRPC would have carried, in objects of its own.
 * Only an error made on purpose, a `ConnectError`, says anything; the rest is `internal error`.
 */
export function callerError(thrown: unknown, call: InProcessCall): ConnectError {
  call.end(thrown);
  const error = thrown instanceof ConnectError ? thrown : new ConnectError('internal error', Code.Internal);
  const metadata = new Headers(call.sentTrailer);
  // The metadata of another service's error is between that service and the handler.
  if (!error.isWireError) mergeNonProtocolHeaders(metadata, error.metadata);
  call.sentHeader.forEach((value, name) => metadata.append(name, value));
  const copy = new ConnectError(error.rawMessage, error.code, metadata);
  copy.details = error.details.map((detail) =>
    'desc' in detail
      ? { type: detail.desc.typeName, value: toBinary(detail.desc, create(detail.desc, detail.value)) }
      : { type: detail.type, value: new Uint8Array(detail.value) },
  );
  copy.isWireError = true;
  return copy;
}

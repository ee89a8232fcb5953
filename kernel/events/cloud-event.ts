import type { JsonValue } from '@bufbuild/protobuf';

/** An event on its way, a CloudEvents 1.0 envelope in JSON; `orgid` and `traceid` are extensions, the others that of distributed tracing. */
export interface CloudEvent {
  specversion: '1.0';
  id: string;
  /** The module that announced it, as `/mod-name`. */
  source: string;
  /** Full name of the message in `data`. */
  type: string;
  /** The aggregate that it happened to. */
  subject: string;
  time: string;
  /** Always `application/json`. */
  datacontenttype?: string;
  /** The contract's message, such as `proto:mod.promist.v1.PromiseCreated`. */
  dataschema?: string;
  data: JsonValue;
  orgid: string | null;
  traceid: string;
  traceparent?: string | null;
  tracestate?: string | null;
  /** The replay that it is part of: a handler runs again for it. */
  replay?: string;
}

/**
 * An SQL expression that makes the envelope of an event (CloudEvents 1.0, JSON format) of a row of an outbox; `more` are
 * further pairs of names and values. Attributes that are null are not set; `orgid` and `traceid` are extensions. The
 * schema of the data is the contract's message, which `dataschema` names as a URI.
 */
export const cloudEventSql = (source: string, more = ''): string => `
  json_build_object('specversion', '1.0', 'id', id, 'source', ${source}, 'type', type, 'subject', subject, 'time', time,
    'datacontenttype', 'application/json', 'dataschema', 'proto:' || type, 'data', data, 'orgid', org, 'traceid', trace_id${more && `, ${more}`})`;

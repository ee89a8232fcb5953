/**
 * An SQL expression that makes the envelope of an event (CloudEvents 1.0, JSON format) of a row of an outbox; `more` are
 * further pairs of names and values. Attributes that are null are not set; `orgid` and `traceid` are extensions. The
 * schema of the data is the contract's message, which `dataschema` names as a URI.
 */
export const cloudEventSql = (source: string, more = ''): string => `
  json_build_object('specversion', '1.0', 'id', id, 'source', ${source}, 'type', type, 'subject', subject, 'time', time,
    'datacontenttype', 'application/json', 'dataschema', 'proto:' || type, 'data', data, 'orgid', org, 'traceid', trace_id${more && `, ${more}`})`;

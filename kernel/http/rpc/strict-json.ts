import type { DescMessage, JsonObject, JsonReadOptions, JsonValue } from '@bufbuild/protobuf';
import { mayHoldTime, refuseImpossibleTimes } from '../../codec/refuse-impossible-times.ts';
import { messageFromJson } from '../rest/rest-request.ts';

/**
 * The options by which Connect reads JSON of a message type, so that it refuses times that do not exist, as REST does,
 * also where `checkRpcBodies` sees no message: in streams, and where it is compressed.
 */
export function strictJson(input: DescMessage, options: Partial<JsonReadOptions>): Partial<JsonReadOptions> {
  if (!mayHoldTime(input)) return options;
  const decoder = new TextDecoder();
  const textDecoder = {
    decode(bytes: Uint8Array): string {
      const text = decoder.decode(bytes);
      refuseTimes(input, text, options);
      return text;
    },
  };
  return Object.assign({ textDecoder }, options);
}

/** Throws `kernel.INVALID_REQUEST` with every field that is wrong; what is no JSON is left to Connect. */
function refuseTimes(input: DescMessage, text: string, options: Partial<JsonReadOptions>): void {
  const json = parsed(text);
  try {
    refuseImpossibleTimes(input, json, options.registry);
  } catch {
    messageFromJson(input, json as JsonObject, options, text.length);
  }
}

function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return null;
  }
}

/** The stages of a request, in the order in which it passes them, and their colours. */
export const stages = {
  'event loop and native code': '#b8b8b8',
  'socket and HTTP': '#8fb7de',
  'Fastify': '#6f9fe0',
  'REST translation': '#7fcfc4',
  'codecs': '#a6d67a',
  'door, guard, telemetry': '#f2c45a',
  'commands': '#f09a4b',
  'module': '#e8746a',
  'data layer': '#c98bd6',
  'pg driver': '#9d7fe0',
  'garbage collector': '#d8cf9a',
  'other': '#dddddd',
} as const;

export type Stage = keyof typeof stages;

const places: readonly (readonly [RegExp, Stage])[] = [
  [/\/kernel\/http\//, 'REST translation'],
  [/\/kernel\/codec\/|\/@bufbuild\/|\/@connectrpc\//, 'codecs'],
  [/\/kernel\/(placement|guard|telemetry|module|queries|errors)\/|\/modules\/sys-|\/(pino|sonic-boom|prom-client|@opentelemetry)\//, 'door, guard, telemetry'],
  [/\/kernel\/(commands|events|audit)\//, 'commands'],
  [/\/modules\/mod-/, 'module'],
  [/\/kernel\/data\/|\/node_modules\/kysely\//, 'data layer'],
  [/\/node_modules\/(pg|pg-[a-z-]+|postgres-[a-z-]+)\//, 'pg driver'],
  [/\/node_modules\/(fastify|@fastify|find-my-way|avvio|light-my-request|secure-json-parse|fast-json-stringify|fast-querystring)\//, 'Fastify'],
];

const transport = /^node:(_http|http|net$|internal\/(http|net|stream|streams|js_stream|timers|event_target)|stream|events|_stream)/;

/** The stage of a frame by its place; one whose place says nothing belongs to the stage of who called it. */
export function stageOf(functionName: string, url: string, caller: Stage): Stage {
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(program)') return 'event loop and native code';
  const own = places.find(([place]) => place.test(url))?.[1];
  if (own) return own;
  if (!transport.test(url)) return caller;
  return caller === 'data layer' || caller === 'pg driver' ? 'pg driver' : 'socket and HTTP';
}

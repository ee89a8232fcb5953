/** How a module's name is written wherever it stands: one name everywhere, in the form of the place. */
export interface ModuleNames {
  /** `mod-time-sheets`: folder, package, configuration key. */
  module: string;
  /** `mod_time_sheets`: schema and table prefix. */
  schema: string;
  /** `mod.time_sheets`: protobuf package. */
  proto: string;
  /** `mod/time_sheets`: the folder of the protobuf package. */
  folder: string;
  /** `time-sheets`: in paths. */
  path: string;
  /** `time_sheets`: in permissions. */
  permission: string;
}

export function namesOf(module: string): ModuleNames {
  const [kind, ...words] = module.split('-') as [string, ...string[]];
  const snake = words.join('_');
  return {
    module,
    schema: `${kind}_${snake}`,
    proto: `${kind}.${snake}`,
    folder: `${kind}/${snake}`,
    path: words.join('-'),
    permission: snake,
  };
}

/** Rewrites a text, or a path, that speaks of one module so that it speaks of another. */
export function rename(text: string, from: ModuleNames, to: ModuleNames): string {
  const places: readonly [string | RegExp, string][] = [
    [from.module, to.module], [from.schema, to.schema], [from.proto, to.proto], [from.folder, to.folder],
    [new RegExp(`/v1/${from.path}/`, 'g'), `/v1/${to.path}/`],
    [new RegExp(`\\b${from.permission}\\.(?=[a-z_]+\\.)`, 'g'), `${to.permission}.`],
    // The contract's own files, `hello.proto` and `hello_pb.js`.
    [new RegExp(`\\b${from.permission}(?=\\.proto|_pb\\b)`, 'g'), to.permission],
  ];
  return places.reduce((changed, [what, by]) => changed.replaceAll(what, by), text);
}

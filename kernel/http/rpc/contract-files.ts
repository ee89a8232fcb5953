import type { DescFile } from '@bufbuild/protobuf';

/** The files and everything that they import, by name. */
export function filesWithImports(roots: readonly DescFile[], files = new Map<string, DescFile>()): Map<string, DescFile> {
  for (const file of roots) {
    if (files.has(file.proto.name)) continue;
    files.set(file.proto.name, file);
    filesWithImports(file.dependencies, files);
  }
  return files;
}

import { createFileRegistry, fromBinary, type DescEnum, type DescMessage, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { getComments } from '@bufbuild/protoplugin';

/** The protos of others; what they say of themselves is not ours to publish. */
const foreign = /^(google|grpc|buf)\//;

/** The comments of an image's own contracts, by the full name of what they stand at; `image` is a `FileDescriptorSet` with source info. */
export function contractComments(image: Uint8Array): Record<string, string> {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  const comments: Record<string, string> = {};
  for (const type of registry) {
    if (type.kind === 'extension' || foreign.test(type.file.proto.name)) continue;
    for (const [name, described] of membersOf(type)) {
      const { leading, trailing } = getComments(described);
      const text = (leading ?? trailing ?? '').split('\n').map((line) => line.trim()).join('\n').trim();
      if (text) comments[name] = text;
    }
  }
  return comments;
}

/** A type and its parts, under the names that the OpenAPI document looks them up by. */
function membersOf(type: DescMessage | DescEnum | DescService): [string, Parameters<typeof getComments>[0]][] {
  const members = type.kind === 'service' ? type.methods : type.kind === 'enum' ? type.values : [...type.fields, ...type.oneofs];
  return [[type.typeName, type], ...members.map((member): [string, typeof member] => [`${type.typeName}.${member.name}`, member])];
}

import type { DescEnum, DescExtension, DescField, DescFile, DescMessage } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';

/**
 * Prints a file descriptor as proto2 source that declares the same names, numbers and types.
 * Options are left out: `buf` needs `buf/validate/validate.proto` to resolve imports, and at run time
 * the library's own descriptor, options included, is the one in use.
 */
export function printProto(file: DescFile): string {
  return [
    'syntax = "proto2";',
    `package ${file.proto.package};`,
    ...file.dependencies.map(({ name }) => `import "${name}.proto";`),
    ...file.enums.flatMap(printEnum),
    ...file.messages.flatMap(printMessage),
    ...file.extensions.flatMap(printExtension),
    '',
  ].join('\n');
}

function printEnum(desc: DescEnum): string[] {
  return [`enum ${desc.name} {`, ...desc.values.map(({ name, number }) => `  ${name} = ${number};`), '}'];
}

function printMessage(desc: DescMessage): string[] {
  const oneofs = desc.oneofs.flatMap((oneof) => [`oneof ${oneof.name} {`, ...oneof.fields.map((f) => printField(f, '')), '}']);
  const plain = desc.fields.filter((field) => !field.oneof).map((field) => printField(field, label(field)));
  const ranges = desc.proto.extensionRange.map(({ start, end }) => `extensions ${start} to ${end > 500_000_000 ? 'max' : end - 1};`);
  const inner = [...desc.nestedEnums.flatMap(printEnum), ...desc.nestedMessages.filter((m) => !m.proto.options?.mapEntry).flatMap(printMessage)];
  return [`message ${desc.name} {`, ...[...inner, ...oneofs, ...plain, ...ranges].map((line) => `  ${line}`), '}'];
}

function printExtension(desc: DescExtension): string[] {
  return [`extend .${desc.extendee.typeName} {`, `  ${printField(desc, label(desc))}`, '}'];
}

function label(field: DescField | DescExtension): string {
  if (field.fieldKind === 'map') return '';
  if (field.fieldKind === 'list') return 'repeated ';
  return field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED ? 'required ' : 'optional ';
}

function printField(field: DescField | DescExtension, prefix: string): string {
  const type = field.fieldKind === 'map' ? `map<${scalar(field.mapKey)}, ${typeName(field)}>` : typeName(field);
  return `${prefix}${type} ${field.name} = ${field.number};`;
}

function typeName(field: DescField | DescExtension): string {
  if (field.message) return `.${field.message.typeName}`;
  if (field.enum) return `.${field.enum.typeName}`;
  return scalar(field.scalar!);
}

const scalar = (type: ScalarType) => ScalarType[type]!.toLowerCase();

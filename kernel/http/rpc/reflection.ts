import { createRegistry, toBinary, type DescFile, type DescService, type MessageInitShape, type Registry } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, type ServiceImpl } from '@connectrpc/connect';
import type { ServerReflection, ServerReflectionRequest, ServerReflectionResponseSchema } from '@mainstay/kernel/contract/grpc/reflection/v1/reflection_pb.js';
import { filesWithImports } from './contract-files.ts';

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>;
type Question = ServerReflectionRequest['messageRequest'];

/**
 * The standard gRPC reflection service: tells tools which services there are and what their messages look like.
 * Its older version, v1alpha, has the same messages under other names, so one implementation serves both.
 */
export function reflectionService(services: readonly DescService[]): ServiceImpl<typeof ServerReflection> {
  const files = filesWithImports(services.map(({ file }) => file));
  const registry = createRegistry(...files.values());
  return {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        yield { validHost: request.host, originalRequest: request, messageResponse: answer(request.messageRequest, services, files, registry) };
      }
    },
  };
}

function answer(question: Question, services: readonly DescService[], files: ReadonlyMap<string, DescFile>, registry: Registry): Answer {
  switch (question.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: services.map(({ typeName }) => ({ name: typeName })) } };
    case 'fileByFilename':
      return fileAnswer(files.get(question.value), `file ${question.value}`);
    case 'fileContainingSymbol':
      return fileAnswer(fileOfSymbol(registry, question.value), `symbol ${question.value}`);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value;
      return fileAnswer(extensionsOf(registry, containingType).find(({ number }) => number === extensionNumber)?.file, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType':
      if (!registry.getMessage(question.value)) return failure(Code.NotFound, `no message ${question.value} here`);
      return { case: 'allExtensionNumbersResponse', value: { baseTypeName: question.value, extensionNumber: extensionsOf(registry, question.value).map(({ number }) => number) } };
    default:
      return failure(Code.InvalidArgument, 'the request asks nothing');
  }
}

/** The file and everything it imports, as older clients expect them, in one answer. */
function fileAnswer(file: DescFile | undefined, what: string): Answer {
  if (!file) return failure(Code.NotFound, `no ${what} here`);
  const needed = [...filesWithImports([file]).values()];
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: needed.map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto)) } };
}

/** A symbol is a message, enum, service or extension, or a method, field or enum value within one. */
function fileOfSymbol(registry: Registry, symbol: string): DescFile | undefined {
  const whole = registry.get(symbol);
  if (whole) return whole.file;
  const dot = symbol.lastIndexOf('.');
  const parent = registry.get(symbol.slice(0, Math.max(dot, 0)));
  const name = symbol.slice(dot + 1);
  const members = parent?.kind === 'service' ? parent.methods : parent?.kind === 'message' ? [...parent.fields, ...parent.oneofs] : parent?.kind === 'enum' ? parent.values : [];
  return members.some((member) => member.name === name) ? parent?.file : undefined;
}

const extensionsOf = (registry: Registry, typeName: string) => [...registry].filter((type) => type.kind === 'extension').filter(({ extendee }) => extendee.typeName === typeName);

const failure = (code: Code, errorMessage: string): Answer => ({ case: 'errorResponse', value: { errorCode: code, errorMessage } });

import { createHash } from 'node:crypto';
import { create, equals, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { BookSchema, Genre, type Book, type LibraryService } from './contract/gen/mainstay/testing/v1/library_pb.js';
import { defineErrors } from '../errors/define-errors.ts';

const errors = defineErrors('testing', {
  BOOK_NOT_FOUND: ['NotFound', 'no book {name}'],
  BOOK_EXISTS: ['AlreadyExists', 'there is a book {name} already'],
});

/** The library of the test contract: books kept in memory. */
export function libraryService(): ServiceImpl<typeof LibraryService> {
  const books = new Map<string, Book>();
  const find = (name: string) => books.get(name) ?? fail(errors.BOOK_NOT_FOUND({ name }));
  const keep = (book: Book) => (books.set(book.name, copy(book)), book);
  return {
    listBooks: ({ parent, filter, pageSize }) => ({ books: [...books.values()].filter(({ name }) => name.startsWith(`${parent}/`)).slice(0, pageSize || 50), filter }),
    getBook({ name }, { responseHeader }) {
      const book = find(name);
      responseHeader.set('etag', `"${createHash('sha256').update(toBinary(BookSchema, book)).digest('base64url')}"`);
      return book;
    },
    createBook({ parent, book = create(BookSchema), bookId }) {
      const name = `${parent}/books/${bookId || books.size + 1}`;
      if (books.has(name)) throw errors.BOOK_EXISTS({ name });
      return keep({ ...copy(book), name });
    },
    updateBook({ book = create(BookSchema), updateMask }) {
      const kept = find(book.name);
      const all = !updateMask || equals(FieldMaskSchema, updateMask, create(FieldMaskSchema));
      for (const field of BookSchema.fields) {
        if (field.name !== 'name' && (all || updateMask.paths.includes(field.name))) Object.assign(kept, { [field.localName]: book[field.localName as keyof Book] });
      }
      return kept;
    },
    deleteBook({ name }) {
      find(name);
      books.delete(name);
      return {};
    },
    moveBook({ name, parent }) {
      const book = find(name);
      books.delete(name);
      return keep({ ...book, name: `${parent}/books/${name.split('/').at(-1)}` });
    },
    listGenres: () => ({ genres: [Genre.HISTORY, Genre.NOVEL] }),
    getScan: ({ path }) => ({ path }),
  };
}

const copy = (book: Book) => fromBinary(BookSchema, toBinary(BookSchema, book));

function fail(error: Error): never {
  throw error;
}

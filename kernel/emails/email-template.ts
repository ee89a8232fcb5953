import { z } from 'zod';

/** Every template has texts in each of these. */
export const emailLanguages = ['en', 'de', 'es', 'fr', 'it', 'tr', 'ur'] as const;
export type EmailLanguage = (typeof emailLanguages)[number];

const line = (most: number) => z.string().trim().min(1).max(most).regex(/^\P{Cc}*$/u, 'it is one line, without control characters');
const paragraph = z.string().trim().min(1).max(4000).regex(/^(?:\P{Cc}|\n)*$/u, 'it holds no control characters but line breaks');

/** A piece of an e-mail, from which its text and its HTML are made: what is written here is never taken for HTML. */
export const emailBlock = z.union([
  z.strictObject({ heading: line(200) }),
  z.strictObject({ text: paragraph }),
  z.strictObject({ code: line(200) }).describe('A code to type or copy.'),
  z.strictObject({ button: line(100), link: line(100).regex(/^\{\w+\}$/, 'it is one value of the kind link, such as {link}') }),
  z.strictObject({ note: paragraph }).describe('Small print.'),
]);
export type EmailBlock = z.infer<typeof emailBlock>;

/** What an e-mail says in one language, with placeholders such as `{code}`. */
export const emailText = z.strictObject({ subject: line(200), body: z.array(emailBlock).min(1).max(40) });
export type EmailText = z.infer<typeof emailText>;

/** What a template says about itself, whatever the language. */
export const emailDeclaration = z.strictObject({
  description: line(300),
  values: z.record(z.string().regex(/^[a-z][a-zA-Z0-9]{0,49}$/, 'a value is named in camelCase'), z.strictObject({
    kind: z.enum(['text', 'link']).default('text'),
    example: z.string().min(1).max(1000),
  })).default({}),
});

/** Something that is filled into a template. */
export interface EmailValue {
  /** A link begins with `https://` or `http://`. */
  kind: 'text' | 'link';
  /** Shown in previews. */
  example: string;
}

/** An e-mail that a module sends, in all languages. */
export interface EmailTemplate {
  module: string;
  name: string;
  /** When it is sent. */
  description: string;
  values: Readonly<Record<string, EmailValue>>;
  texts: Readonly<Record<EmailLanguage, EmailText>>;
}

/** The templates of every module of a deployment. */
export interface EmailCatalogue {
  readonly templates: readonly EmailTemplate[];
  /** The template of a name such as `sys-accounts/login-code`. */
  find(template: string): EmailTemplate | undefined;
}

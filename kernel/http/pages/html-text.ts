/** Text that is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Makes HTML from a template; every value put in is escaped, unless it is HTML itself. */
export function html(strings: TemplateStringsArray, ...values: (string | number | undefined | Html | readonly Html[])[]): Html {
  return new Html(strings.reduce((text, string, index) => text + written(values[index - 1]) + string));
}

function written(value: string | number | undefined | Html | readonly Html[]): string {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(written).join('');
  return String(value ?? '').replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

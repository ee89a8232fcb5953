import { catalogue } from './catalogue.ts';
import type { Texts } from './languages/en.ts';

type Language = keyof typeof catalogue;

/** What pages say in one language. */
export type Words = Texts & { language: string; direction: 'ltr' | 'rtl' };

const leftward = new Set<string>(['ur']);
const known = new Map(Object.keys(catalogue).map((language) => [language, { ...catalogue[language as Language], language, direction: leftward.has(language) ? ('rtl' as const) : ('ltr' as const) }]));

/** The words for a browser, by what it says that its person reads (RFC 9110, 12.5.4); English if it reads none that we write. */
export function wordsFor(acceptLanguage: string | undefined): Words {
  const wanted = (acceptLanguage ?? '').slice(0, 1000).split(',').map(readRange).filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  for (const { language } of wanted) {
    const words = known.get(language);
    if (words) return words;
  }
  return known.get('en')!;
}

function readRange(range: string): { language: string; weight: number } {
  const [tag = '', ...parameters] = range.trim().toLowerCase().split(/\s*;\s*/);
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  return { language: tag.split('-')[0]!, weight: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
}

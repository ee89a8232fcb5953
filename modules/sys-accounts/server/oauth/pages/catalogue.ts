import { de } from './languages/de.ts';
import { en } from './languages/en.ts';
import { es } from './languages/es.ts';
import { fr } from './languages/fr.ts';
import { it } from './languages/it.ts';
import { tr } from './languages/tr.ts';
import { ur } from './languages/ur.ts';

/** What the provider's pages say, by language. */
export const catalogue = { de, en, es, fr, it, tr, ur };

import type { EmailLanguage } from '@mainstay/kernel';

/** What stands below e-mails that one can do without. */
export const unsubscribeWords: Readonly<Record<EmailLanguage, string>> = {
  en: 'Unsubscribe from these e-mails',
  de: 'Diese E-Mails abbestellen',
  es: 'Cancelar la suscripción a estos correos',
  fr: 'Se désabonner de ces e-mails',
  it: 'Annulla l’iscrizione a queste e-mail',
  tr: 'Bu e-postaların aboneliğinden çık',
  ur: 'ان ای میلز کی رکنیت ختم کریں',
};

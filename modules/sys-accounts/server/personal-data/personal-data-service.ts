import type { ServiceImpl } from '@connectrpc/connect';
import { caller } from '@mainstay/kernel';
import type { PersonalDataService } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import type { Needs } from '../needs.ts';
import { sections } from './sections.ts';

const contentType = 'application/json';

/** A copy of what is kept about oneself. */
export function personalDataService({ db }: Pick<Needs, 'db'>): ServiceImpl<typeof PersonalDataService> {
  return {
    async *exportPersonalData({ accountId: named }, { responseHeader }) {
      const { accountId } = caller();
      if (named !== 'me' && named !== accountId) throw errors.ACCOUNT_NOT_FOUND({ accountId: named });
      responseHeader.set('content-disposition', 'attachment; filename="account.json"');
      let before = '{';
      for (const [name, read] of Object.entries(sections)) {
        const rows = await db.read((q) => read(q, accountId));
        yield { contentType, data: Buffer.from(`${before}\n${JSON.stringify(name)}: ${JSON.stringify(rows, undefined, 1)}`) };
        before = ',';
      }
      yield { contentType, data: Buffer.from('\n}\n') };
    },
  };
}

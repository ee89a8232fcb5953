import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { currentCall, defineModule, standardWebhooks, webhook } from '@mainstay/kernel';
import { z } from 'zod';
import { ModulesService } from '../contract/index.ts';

interface Needs {
  config: { folder: string; secret: string };
}

const org = '018f0000-0000-7000-8000-000000000001';
const options = { scheme: standardWebhooks, payload: z.object({ order: z.string() }), org: () => org };

/**
 * A module with a webhook of which each handling is a line of `folder/handled`: the id, the order, and whether it was done in the
 * webhook's org. A handling fails where it finds, and removes, `folder/fails`.
 */
export default defineModule({
  name: 'mod-probe',
  config: z.strictObject({ folder: z.string(), secret: z.string() }),
  requires: { modules: ModulesService },
  webhooks: [
    webhook('paid', { ...options, secrets: ({ config }: Needs) => [config.secret] }, async ({ config: { folder } }, { id, payload }) => {
      if (isRemoved(join(folder, 'fails'))) throw new Error('not yet');
      const { principal } = currentCall();
      appendFileSync(join(folder, 'handled'), `${id} ${payload.order} ${principal.kind === 'module' && principal.orgId === org}\n`);
    }),
    webhook('bare', { ...options, secrets: () => [''] }, async () => {}),
  ],
});

/** Whether the file was there; it is gone now, whoever else asks. */
function isRemoved(file: string): boolean {
  try {
    rmSync(file);
    return true;
  } catch {
    return false;
  }
}

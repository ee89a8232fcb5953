import type { ServiceImpl } from '@connectrpc/connect';
import { currentCall, requireCompared, type DeploymentInfo } from '@mainstay/kernel';
import type { WebhooksInService } from '../contract/index.ts';
import { errors } from '../errors.ts';

const MOST_BYTES = 1024 * 1024;
/** Who signs in with these is not the business of a module. */
const withheld = new Set(['authorization', 'cookie']);

/** Takes webhooks for modules, wherever they run. */
export function webhooksInService({ deployment }: { deployment: DeploymentInfo }): ServiceImpl<typeof WebhooksInService> {
  return {
    async receiveWebhook(requests, { requestHeader }) {
      let [module, name, bytes] = ['', '', 0];
      const chunks: Uint8Array[] = [];
      for await (const request of requests) {
        module ||= request.module;
        name ||= request.name;
        const data = request.content?.data ?? new Uint8Array();
        bytes += data.length;
        if (bytes > MOST_BYTES) throw errors.WEBHOOK_TOO_LARGE({ most: MOST_BYTES });
        chunks.push(data);
      }
      const headers = Object.fromEntries([...requestHeader].filter(([header]) => !withheld.has(header)));
      // It is kept beyond this command's transaction, so what would be refused afterwards is refused before.
      requireCompared();
      const receipt = await deployment.operations.webhooks.receive({ module, name, headers, body: Buffer.concat(chunks), traceId: currentCall().traceId });
      if (!receipt) throw errors.WEBHOOK_NOT_FOUND({ module, name });
      return { repeated: !receipt.isNew };
    },
  };
}

import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, readList } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import { IssueState, type IssuesService } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { listFields } from '../list-fields.ts';
import type { Needs, Reader } from '../needs.ts';

type IssueRow = Selectable<Tables['sys_accounts_issues']>;
type CommentRow = Selectable<Tables['sys_accounts_issue_comments']>;

/** What Platform Administrators hand to Platform Maintenance. */
export function issuesService({ db, deployment }: Needs): ServiceImpl<typeof IssuesService> {
  return {
    async raiseIssue({ subject, description, traceId }) {
      const values = { subject, description, trace_id: traceId, raiser_id: caller().accountId, resolved_at: null };
      return issueMessage(await db.write((tx) => tx.insertInto('sys_accounts_issues').values(values).returningAll().executeTakeFirstOrThrow()), []);
    },

    async listIssues(request) {
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, q.selectFrom('sys_accounts_issues').selectAll(), request, { secret: deployment.secret, fields: listFields.issues, defaultOrder: 'create_time desc' }));
      return { issues: rows.map((row) => issueMessage(row, [])), nextPageToken, totalSize };
    },

    getIssue: ({ issueId }) => db.read((q) => readIssue(q, issueId)),

    commentOnIssue: ({ issueId, text }) =>
      db.write(async (tx) => {
        const issue = await tx.selectFrom('sys_accounts_issues').select('id').where('id', '=', issueId).executeTakeFirst();
        if (!issue) throw errors.ISSUE_NOT_FOUND({ issueId });
        await tx.insertInto('sys_accounts_issue_comments').values({ issue_id: issueId, author_id: caller().accountId, text }).execute();
        return readIssue(tx, issueId);
      }),

    resolveIssue: ({ issueId, resolution }) =>
      db.write(async (tx) => {
        const { numUpdatedRows } = await tx.updateTable('sys_accounts_issues').set({ state: 'ISSUE_RESOLVED', resolution, resolved_at: sql<Date>`now()` }).where('id', '=', issueId).where('state', '=', 'ISSUE_OPEN').executeTakeFirst();
        const issue = await readIssue(tx, issueId);
        if (numUpdatedRows === 0n) throw errors.ISSUE_RESOLVED();
        return issue;
      }),
  };
}

async function readIssue(q: Reader, issueId: string) {
  const row = await q.selectFrom('sys_accounts_issues').selectAll().where('id', '=', issueId).executeTakeFirst();
  if (!row) throw errors.ISSUE_NOT_FOUND({ issueId });
  return issueMessage(row, await q.selectFrom('sys_accounts_issue_comments').selectAll().where('issue_id', '=', issueId).orderBy('id').limit(1000).execute());
}

const issueMessage = (row: IssueRow, comments: readonly CommentRow[]) => ({
  issueId: row.id,
  subject: row.subject,
  description: row.description,
  traceId: row.trace_id,
  state: IssueState[row.state],
  resolution: row.resolution,
  raiserAccountId: row.raiser_id,
  comments: comments.map(({ author_id, text, created_at }) => ({ authorAccountId: author_id, text, createTime: timestampFromDate(created_at) })),
  createTime: timestampFromDate(row.created_at),
  resolveTime: row.resolved_at ? timestampFromDate(row.resolved_at) : undefined,
});

import type { Labels, MetricFamily } from './metrics.ts';

/** What a pool of connections to PostgreSQL tells of itself. */
export interface WatchedPool {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
  options: { max: number };
}

/** How busy the connections of each module are; the label `purpose` tells what they are for. */
export function poolMetrics(pools: Iterable<{ labels: Labels; pool: WatchedPool }>): MetricFamily[] {
  const all = [...pools];
  const connections = all.flatMap(({ labels, pool: { totalCount, idleCount } }) => [
    { labels: { ...labels, state: 'used' }, value: totalCount - idleCount },
    { labels: { ...labels, state: 'idle' }, value: idleCount },
  ]);
  return [
    { name: 'db.client.connection.count', type: 'gauge', unit: '{connection}', help: 'Open connections to PostgreSQL.', samples: connections },
    { name: 'db.client.connection.max', type: 'gauge', unit: '{connection}', help: 'Most connections that may be open.', samples: all.map(({ labels, pool }) => ({ labels, value: pool.options.max })) },
    { name: 'db.client.connection.pending_requests', type: 'gauge', unit: '{request}', help: 'Work that waits for a connection.', samples: all.map(({ labels, pool }) => ({ labels, value: pool.waitingCount })) },
  ];
}

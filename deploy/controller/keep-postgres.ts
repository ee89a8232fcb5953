import { startEmbeddedPostgres, stopEmbeddedPostgres } from '@mainstay/kernel/postgres';
import { identify } from './process-info.ts';

export interface KeptPostgres {
  /** Connection string of the server's administrator for one of its databases. */
  adminUrl(database: string): string;
  adopted: boolean;
  stop(): Promise<void>;
}

export interface PostgresToKeep {
  directory: string;
  /** Most connections at a time. */
  connections: number;
  /** Tells the operator what became of it. */
  say: (text: string) => void;
  onProgress: (what: string) => void;
}

/** Starts the deployment's own PostgreSQL, or adopts the one that runs already, and starts it again if it dies. */
export async function keepPostgres({ directory, connections, say, onProgress }: PostgresToKeep): Promise<KeptPostgres> {
  const first = await startEmbeddedPostgres({ directory, connections, onProgress, reserve: true });
  let pid = first.pid;
  let starting: Promise<void> | undefined;
  const timer = setInterval(() => {
    if (!starting && !identify(pid)) starting = startAgain().finally(() => { starting = undefined; });
  }, 100);
  const startAgain = async () => {
    say('PostgreSQL has ended; starting it again');
    await startEmbeddedPostgres({ directory, connections, reserve: true }).then((server) => { pid = server.pid; }, (error: Error) => say(error.message));
  };
  const stop = async () => {
    clearInterval(timer);
    await starting;
    await stopEmbeddedPostgres(directory);
  };
  return { adminUrl: first.adminUrl, adopted: first.adopted, stop };
}

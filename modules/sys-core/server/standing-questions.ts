import { AsyncLocalStorage } from 'node:async_hooks';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import type { GetStandingRequestSchema, Standing, StandingService } from '@mainstay/sys-accounts/contract';

type Asked = MessageInitShape<typeof GetStandingRequestSchema>;

interface Question {
  asked: Asked;
  resolve: (standing: Standing) => void;
  reject: (error: unknown) => void;
}

/** As many as the contract lets be asked at once. */
const mostInOne = 1000;
const mostUnderWay = 2;

/**
 * Asks for standings. What is asked in the same moment, or while two requests are under way, travels in one: thousands of
 * questions are a few requests, and a single one does not wait.
 */
export class StandingQuestions {
  readonly #client: Client<typeof StandingService>;
  // An answer is for many callers: none of them may end it, nor lend it a deadline.
  readonly #outsideOfCalls = AsyncLocalStorage.snapshot();
  #waiting: Question[] = [];
  #underWay = 0;
  #isScheduled = false;

  constructor(client: Client<typeof StandingService>) {
    this.#client = client;
  }

  /** The standing at a moment after the question was put. */
  ask(asked: Asked): Promise<Standing> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ asked, resolve, reject });
      if (this.#isScheduled || this.#underWay >= mostUnderWay) return;
      this.#isScheduled = true;
      queueMicrotask(() => this.#send());
    });
  }

  #send(): void {
    this.#isScheduled = false;
    while (this.#waiting.length > 0 && this.#underWay < mostUnderWay) {
      this.#underWay++;
      void this.#outsideOfCalls(() => this.#answer(this.#waiting.splice(0, mostInOne)));
    }
  }

  async #answer(questions: readonly Question[]): Promise<void> {
    try {
      const standings = await this.#standings(questions.map(({ asked }) => asked));
      questions.forEach(({ resolve }, index) => resolve(standings[index]!));
    } catch (error) {
      for (const { reject } of questions) reject(error);
    } finally {
      this.#underWay--;
      this.#send();
    }
  }

  async #standings(requests: Asked[]): Promise<readonly Standing[]> {
    if (requests.length === 1) return [await this.#client.getStanding(requests[0]!)];
    return (await this.#client.batchGetStandings({ requests })).standings;
  }
}

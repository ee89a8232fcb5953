import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { formatSlots, newId, parseSlots, requireCompared, type DeploymentInfo, type DeploymentShards, type SlotMoveReport } from '@mainstay/kernel';
import { SlotMoveState, type ShardsService, type SlotMoveSchema } from '../../contract/index.ts';
import { errors } from '../../errors.ts';

const states = { RUNNING: SlotMoveState.SLOT_MOVE_RUNNING, DONE: SlotMoveState.SLOT_MOVE_DONE, FAILED: SlotMoveState.SLOT_MOVE_FAILED };

/** Where orgs lie, and how they are moved, for operators; a move outlasts its command. */
export function shardsService({ deployment }: { deployment: DeploymentInfo }): ServiceImpl<typeof ShardsService> {
  return {
    async listShards() {
      const shards = (await deployment.shards?.list()) ?? [];
      return { shards: shards.map(({ slots, rows, bytes, ...shard }) => ({ ...shard, slots: formatSlots(slots), slotCount: slots.length, rows: BigInt(rows), bytes: BigInt(bytes) })) };
    },

    async moveSlots({ process, shard: toShard, slots: given, validateOnly }) {
      requireCompared();
      const shards = required(deployment);
      const slots = [...slotsOf(given)];
      const { slots: staying, orgs, rows, ...plan } = await shards.plan({ process, slots, toShard });
      if (validateOnly) return { move: { process: plan.process, shard: toShard, slots: formatSlots(staying), slotCount: staying.length, orgs, rows: BigInt(rows) } };
      return { move: moveOf(await shards.move({ id: newId(), process: plan.process, slots, toShard })) };
    },

    async getSlotMove({ slotMoveId }) {
      const move = await required(deployment).get(slotMoveId);
      if (!move) throw errors.SLOT_MOVE_NOT_FOUND({ slotMoveId });
      return moveOf(move);
    },
  };
}

function required({ shards }: DeploymentInfo): DeploymentShards {
  if (!shards) throw errors.NOT_IN_SHARDS();
  return shards;
}

function slotsOf(text: string): ReadonlySet<number> {
  try {
    return parseSlots(text);
  } catch {
    throw errors.SLOTS_INVALID();
  }
}

const moveOf = ({ id, process, slots, toShard, state, moved, rowsCopied, longestHold, problem, createTime, endTime }: SlotMoveReport): MessageInitShape<typeof SlotMoveSchema> => ({
  slotMoveId: id,
  process,
  shard: toShard,
  slots: formatSlots(slots),
  slotCount: slots.length,
  state: states[state],
  moved: formatSlots(moved),
  movedCount: moved.length,
  rowsCopied: BigInt(rowsCopied),
  longestHoldMilliseconds: longestHold,
  problem,
  createTime: timestampFromDate(createTime),
  ...(endTime && { endTime: timestampFromDate(endTime) }),
});

import { formatDuration } from '../lib/duration.ts';
import { formatSize } from '../lib/size.ts';

export type LimitName = 'memory' | 'processes' | 'turn' | 'usd' | 'tokens';

export interface Limit {
  soft?: number | undefined;
  hard?: number | undefined;
}

export type Limits = Readonly<Record<LimitName, Limit>>;

/** What one agent has used by now; null: not known, or no turn is under way. */
export type Taken = Readonly<Record<LimitName, number | null>>;

export interface Crossing {
  limit: LimitName;
  how: 'soft' | 'hard';
  /** For a person, and for the agent. */
  text: string;
}

const NAMES: Readonly<Record<LimitName, string>> = {
  memory: 'the memory of its processes',
  processes: 'the number of its processes',
  turn: 'the length of its turn',
  usd: 'what it cost today',
  tokens: 'its tokens of today',
};

const SHOW: Readonly<Record<LimitName, (value: number) => string>> = {
  memory: formatSize,
  processes: String,
  turn: formatDuration,
  usd: (value) => `$${value.toFixed(2)}`,
  tokens: String,
};

/** The limits that are crossed now, the hard one of each first. Pure. */
export function crossings(taken: Taken, limits: Limits): Crossing[] {
  return (Object.keys(NAMES) as LimitName[]).flatMap((limit) => {
    const value = taken[limit];
    if (value === null) return [];
    const { soft, hard } = limits[limit];
    const how = hard !== undefined && value > hard ? 'hard' : soft !== undefined && value > soft ? 'soft' : null;
    if (how === null) return [];
    const most = (how === 'hard' ? hard : soft) ?? 0;
    return { limit, how, text: `${NAMES[limit]} is ${SHOW[limit](value)}, more than ${SHOW[limit](most)}` };
  });
}

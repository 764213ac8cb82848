import { openAdmission, type AdmissionDesk } from './admission/admission-desk.ts';
import { openScaler, type Scaler } from './admission/scaler.ts';
import { AgentDesk } from './agents/agent-desk.ts';
import { paneLabel } from './agents/agent-document.ts';
import type { Alerting } from './alerts/alerting.ts';
import { openAlerting } from './alerts/open-alerting.ts';
import type { Core } from './core.ts';
import { agentEffects } from './fleet/agent-effects.ts';
import { AgentSteps } from './fleet/agent-steps.ts';
import { CheckpointDesk } from './history/checkpoint-desk.ts';
import { CheckpointUpkeep } from './history/checkpoint-upkeep.ts';
import { ReversibleWork } from './history/reversible-work.ts';
import type { Holds } from './holds/holds.ts';
import { openHolds } from './holds/open-holds.ts';
import { Supervision } from './ladder/supervision.ts';
import { MessageDesk } from './links/message-desk.ts';
import { SettingsDesk } from './settings/settings-desk.ts';
import type { Dispatch } from './tasks/dispatch.ts';
import { Leases } from './tasks/leases.ts';
import { openDispatch } from './tasks/open-dispatch.ts';
import { openTaskDesk } from './tasks/open-task-desk.ts';
import type { TaskDesk } from './tasks/task-desk.ts';

/** The rooms, each with one matter, over the core and the rooms before it. */
export interface Rooms {
  holds: Holds;
  admission: AdmissionDesk;
  dispatch: Dispatch;
  leases: Leases;
  works: ReversibleWork;
  agents: AgentDesk;
  checkpoints: CheckpointDesk;
  tasks: TaskDesk;
  messages: MessageDesk;
  settings: SettingsDesk;
  supervision: Supervision;
  upkeep: CheckpointUpkeep;
  scaler: Scaler;
  alerting: Alerting;
}

export function openRooms(core: Core): Rooms {
  const { project, fleet, engine, links, broker, roster } = core;
  const { layout, config } = project;
  const { keeper, queue } = broker;
  const holds = openHolds({ ...core, keeper });
  const admission = openAdmission(core, fleet, holds);
  const dispatch = openDispatch({ ...core, config, queue });
  const leases = new Leases({ ...core, project: layout.hash, cancel: links.cancel, deaths: holds.deaths });
  const works = new ReversibleWork({ ...core, layout });
  const settings = new SettingsDesk({
    ...core,
    applied: async (plan) => {
      await roster.reload(plan);
      broker.redeclare();
    },
  });
  const supervision = new Supervision({
    ...core,
    works,
    moved: (ms) => {
      holds.moveTimes(ms);
      return leases.moved(ms);
    },
  });
  engine.onChange(() => dispatch.changed());
  broker.serve({ engine, dispatch, heartbeat: (heartbeat) => leases.heartbeat(heartbeat) });
  actOn(core, { holds, admission, works, supervision });
  return {
    holds,
    admission,
    dispatch,
    leases,
    works,
    agents: new AgentDesk({ ...core, holds, supervision }),
    checkpoints: new CheckpointDesk({ ...core, layout, config, works }),
    tasks: openTaskDesk({ ...core, cancelAttempt: links.cancel, works }),
    messages: new MessageDesk({ ...core, works }),
    settings,
    supervision,
    upkeep: new CheckpointUpkeep({ ...core, layout, config }),
    scaler: openScaler(core),
    alerting: openAlerting({ ...core, keeper, queue, settings, holds }),
  };
}

/** Gives the fleet its means, and the rooms their news of its agents. */
function actOn(
  core: Core,
  { holds, admission, works, supervision }: Pick<Rooms, 'holds' | 'admission' | 'works' | 'supervision'>,
): void {
  const { fleet, links, tmux } = core;
  const order: typeof links.order = (agent, what, timeoutMs) => links.order(agent, what, timeoutMs);
  fleet.use({
    runner: new AgentSteps(agentEffects({ ...core, order, holds, works })),
    look: (linked) => {
      supervision.watch.beat();
      return tmux.look(linked);
    },
    order,
    admission: (record) => admission.ask(record),
    deaths: holds.deaths,
  });
  fleet.onChange((record) => {
    supervision.judge.reconsider(record, fleet.desired(record));
    tmux.labelled(record.observed.pane, paneLabel(record));
  });
}

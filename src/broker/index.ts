export {
  brokerLogFiles,
  brokerStatus,
  ensureBroker,
  joinBroker,
  leaveBroker,
  leaveForDead,
  stopBroker,
} from './broker.ts';
export type { BrokerHandle, BrokerStatus, EnsureOptions } from './broker.ts';
export { findRabbitmq } from './install.ts';
export type { RabbitmqInstall } from './install.ts';
export type { BrokerSupervisor as BrokerUser } from './supervisors.ts';

export {
  brokerLogFiles,
  brokerStatus,
  ensureBroker,
  joinBroker,
  leaveBroker,
  leaveForDead,
  stopBroker,
} from './broker.ts';
export { brokerPaths } from './config.ts';
export type { BeforeStop, BrokerHandle, BrokerStatus, EnsureOptions } from './broker.ts';
export { findRabbitmq } from './install.ts';
export type { RabbitmqInstall } from './install.ts';
export type { BrokerSupervisor as BrokerUser } from './supervisors.ts';

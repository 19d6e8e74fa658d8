export type { Config, PoolConfig, SourceConfig, TenantConfig } from './config-schema.ts';

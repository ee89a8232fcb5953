-- Accounts that nobody used for long. The states of an account:
--
--   RegisterAccount, VerifyEmail          dormantAfterDays without a login
--   ─────────────────▶ ACTIVE ────────────────────────────────▶ DORMANT
--                      │ ▲ ▲                                      │ │
--                      │ │ └── ResetPassword, AcceptInvitation ───┘ │
--          LockAccount │ │ UnlockAccount                            │ LockAccount
--                      ▼ │                                          │
--                     LOCKED ◀──────────────────────────────────────┘
--
--   ACTIVE ── CloseAccount ──▶ DEACTIVATED: the data is gone, the row stays, the address is barred, the name is free
alter table sys_accounts_accounts
  drop constraint sys_accounts_accounts_state_check,
  add constraint sys_accounts_accounts_state_check check (state in ('ACTIVE', 'DORMANT', 'LOCKED', 'DEACTIVATED')) not valid;

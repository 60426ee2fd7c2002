// How the accounts' log-ins are judged: a password that HERE refuses is tried once, wherever its connections go. Five lock the account.
export interface AccountCounts {
  readonly email: string;
  readonly logIns: number;
  readonly failedLogIns: number;
}

export interface LogInJudgement {
  /** Different ones in definitions, of all accounts. */
  readonly wrongPasswords: number;
  readonly refusedLogins: number;
  readonly loginsPerAccountMax: number;
  readonly failedLoginsPerAccountMax: number;
  /** In plain words; empty: each was tried once and never again. */
  readonly faults: readonly string[];
}

/** `wrong`: by account, what definitions have said that is not its password. */
export function judgeLogIns(
  accounts: readonly AccountCounts[],
  wrong: ReadonlyMap<string, ReadonlySet<string>>,
): LogInJudgement {
  const wrongOf = (email: string): number => wrong.get(email)?.size ?? 0;
  return {
    wrongPasswords: accounts.reduce((sum, { email }) => sum + wrongOf(email), 0),
    refusedLogins: accounts.reduce((sum, { failedLogIns }) => sum + failedLogIns, 0),
    loginsPerAccountMax: Math.max(...accounts.map(({ logIns }) => logIns)),
    failedLoginsPerAccountMax: Math.max(...accounts.map(({ failedLogIns }) => failedLogIns)),
    faults: accounts
      .filter(({ email, failedLogIns }) => failedLogIns !== wrongOf(email))
      .map(({ email, failedLogIns }) => `${email}: ${failedLogIns} refused log-ins, ${wrongOf(email)} wrong passwords`),
  };
}

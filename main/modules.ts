import promist from '@mainstay/mod-promist';
import accounts from '@mainstay/sys-accounts';
import core from '@mainstay/sys-core';

/** The platform. Replace a module here to run your own in its place. */
export const sysMain = [core, accounts];

/** The products that stand on it. */
export const modMain = [promist];

/** Every module of this build. A deployment file enables those that run. */
export const modules = [...sysMain, ...modMain];

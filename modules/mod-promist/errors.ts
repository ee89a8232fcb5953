import { defineErrors } from '@mainstay/kernel';

export const errors = defineErrors('mod-promist', {
  PROMISE_NOT_FOUND: ['NotFound', 'no promise {promiseId}'],
  REMINDER_NOT_FOUND: ['NotFound', 'the promise has no reminder {reminderId}'],
  CONTACT_NOT_FOUND: ['NotFound', 'no contact {contactId}'],
  ACCOUNT_NOT_FOUND: ['NotFound', 'nobody in this org has the account {account}'],
  NOT_SHARED: ['NotFound', 'the promise is not shared with {account}'],
  INVALID_PROMISE: ['InvalidArgument', 'the promise is not valid: {summary}'],
  INVALID_CONTACT: ['InvalidArgument', 'the contact is not valid: {summary}'],
  INVALID_TIME_ZONE: ['InvalidArgument', '"{timeZone}" is not a time zone: write one like Europe/Berlin'],
  INVALID_PERIOD: ['InvalidArgument', 'the period is not valid: {because}'],
  READ_ONLY: ['PermissionDenied', 'you may read this promise, not change it: ask its owner for the permission KEEP'],
  NOT_OWNER: ['PermissionDenied', 'only the person who made the promise may do this'],
  WRONG_STATE: ['FailedPrecondition', 'the promise is {state}: {hint}'],
  DELETED: ['FailedPrecondition', 'the promise is deleted: restore it first'],
  NOT_DELETED: ['FailedPrecondition', 'the promise is not deleted'],
  CHANGED_MEANWHILE: ['Aborted', 'the promise was changed meanwhile: get it again and repeat'],
  UNKNOWN_FORMAT: ['InvalidArgument', 'the file is neither iCalendar, nor Todoist CSV, nor JSON: name its format, or see the import guide'],
  NOT_TEXT: ['InvalidArgument', 'the file is not UTF-8 text (line {line}): save it as UTF-8 and import it again'],
  EMPTY_FILE: ['InvalidArgument', 'the file is empty'],
  IMPORT_TOO_SLOW: ['ResourceExhausted', 'reading the file takes longer than {seconds} seconds: split it'],
  IMPORT_TOO_LARGE: ['ResourceExhausted', 'the file holds more than {limit} promises: split it'],
});

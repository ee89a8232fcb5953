import { defineErrors } from '@mainstay/kernel';

export const errors = defineErrors('sys-email', {
  EMAIL_NOT_SET_UP: ['FailedPrecondition', 'no mail server is configured, so no e-mail can be sent: set modules.sys-email.smtp in the deployment file'],
  TEMPLATE_NOT_FOUND: ['NotFound', 'no template {template}; ./mainstay emails templates shows those that there are'],
  TEMPLATE_OF_ANOTHER: ['PermissionDenied', '{caller} may not send {template}: a module sends its own templates alone'],
  LANGUAGE_UNKNOWN: ['NotFound', 'no texts in the language {language}; there are {languages}'],
  VALUES_INVALID: ['InvalidArgument', 'the values of {template} are not right: {because}'],
  ADDRESS_INVALID: ['InvalidArgument', 'e-mails can not be sent to this address: {because}'],
  NAME_INVALID: ['InvalidArgument', 'the name of the person holds a line break or another control character; take it out'],
  LIST_NOT_ALLOWED: ['InvalidArgument', 'an e-mail of the sender {sender} can not be unsubscribed: leave list empty, or choose ALERT or NOTIFICATION'],
  ACCOUNT_LIMIT_REACHED: ['ResourceExhausted', 'this account or address gets at most {most} e-mails of this kind in an hour; try again later'],
  ORG_LIMIT_REACHED: ['ResourceExhausted', 'at most {most} e-mails are sent for an org in an hour; try again later, or ask the operator for more'],
  EMAIL_NOT_FOUND: ['NotFound', 'no e-mail {emailId}: it is no longer kept, or there never was one'],
  EMAIL_NOT_FAILED: ['FailedPrecondition', 'the e-mail {emailId} is {state}; only one that is FAILED can be sent again or discarded'],
  MAILBOX_OFF: ['FailedPrecondition', 'in this phase e-mails are sent to people; there is a mailbox in the phases D and T alone'],
  SUPPRESSION_NOT_FOUND: ['NotFound', 'no suppression {suppressionId}'],
  LINK_INVALID: ['NotFound', 'no subscription: this link is not whole, or not of this deployment; open it as it stands in the e-mail'],
  CLICK_MISSING: ['InvalidArgument', 'to end a subscription send the form List-Unsubscribe=One-Click (RFC 8058)'],
  TEXT_INVALID: ['InvalidArgument', 'this text can not be sent: {because}'],
  TEXT_CHANGED_MEANWHILE: ['Aborted', 'the text of {template} was changed meanwhile: get it again and repeat'],
  TEXT_VERSION_UNKNOWN: ['NotFound', 'the text of {template} has no version {version}; it has had {last} so far'],
});

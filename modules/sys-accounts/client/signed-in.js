import { finishSignIn } from './sign-in.js';

try {
  location.replace(await finishSignIn());
} catch (error) {
  document.querySelector('[role=status]').textContent = error.message;
}

// The page of the test bank: sends the buyer's decision to the sandbox.
import { t } from './bank-messages.js';
import { languageChoice } from './language-choice.js';
import { translate } from './language.js';

translate(document, t);
document.querySelector('main').prepend(languageChoice(t('language')));
const intent = decodeURIComponent(location.pathname.split('/').pop());
const outcome = document.getElementById('outcome');

const ask = (decision) =>
  fetch(`/v1/sandbox/intents/${encodeURIComponent(intent)}/authenticate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ outcome: decision }),
  });

async function decide(decision) {
  const answer = await ask(decision).catch(() => undefined);
  if (!answer) {
    outcome.textContent = t('unreachable');
    return;
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    const key = `problem_${problem.code}`;
    outcome.textContent = t.has(key) ? t(key) : (problem.detail ?? t('failed', { status: String(answer.status) }));
    return;
  }
  const { return_url: page } = await answer.json();
  outcome.textContent = t(page ? 'back' : 'saved');
  for (const button of document.querySelectorAll('button')) button.disabled = true;
  // For a shop that opened this page in a window of its own.
  window.opener?.postMessage({ intent, outcome: decision }, location.origin);
  // The payment named it, and the server has checked it: nothing in this page's address can.
  if (page) location.assign(page);
}

document.getElementById('yes').addEventListener('click', () => decide('succeeded'));
document.getElementById('no').addEventListener('click', () => decide('failed'));

// The page that links in mails lead to: confirms an address, or replaces a password.
//
// The secret is in the fragment, which browsers send to nobody. It is taken out of the address at once, so that neither the
// history nor a bookmark keeps it.
import { t } from './account-messages.js';
import { languageChoice } from './language-choice.js';
import { translate } from './language.js';

translate(document, t);
document.querySelector('main').prepend(languageChoice(t('language')));
const outcome = document.getElementById('outcome');
const elsewhere = document.getElementById('elsewhere');
const forms = Object.fromEntries([...document.forms].map((form) => [form.id, form]));
let token = '';

function show() {
  const [name, secret = ''] = location.hash.slice(1).split('=');
  const asked = Object.hasOwn(forms, name) ? name : 'forgot';
  if (secret) {
    token = secret;
    history.replaceState(null, '', `${location.pathname}#${asked}`);
  }
  for (const form of Object.values(forms)) form.hidden = form.id !== asked;
  outcome.textContent = '';
  elsewhere.hidden = true;
  forms[asked].querySelector('input').focus();
}

async function send(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (answer.ok) return undefined;
  const problem = await answer.json().catch(() => ({}));
  const key = `problem_${problem.code}`;
  return { code: problem.code, detail: t.has(key) ? t(key) : (problem.detail ?? t('failed', { status: String(answer.status) })) };
}

function handle(name, request, done) {
  const form = forms[name];
  const button = form.querySelector('button');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const call = request(form.elements);
    if (!call) return;
    button.disabled = true;
    outcome.textContent = '';
    elsewhere.hidden = true;
    const problem = await send(...call).catch(() => ({ code: undefined, detail: t('unreachable') }));
    button.disabled = false;
    outcome.textContent = problem ? problem.detail : done;
    elsewhere.hidden = problem?.code !== 'link_not_usable';
    if (problem) return;
    form.reset();
    form.hidden = true;
  });
}

handle(
  'verify',
  ({ password }) => ['/v1/accounts/verification', { token, password: password.value }],
  t('verify_done'),
);
handle(
  'reset',
  ({ password, again }) => {
    if (password.value !== again.value) {
      outcome.textContent = t('differ');
      return undefined;
    }
    return ['/v1/accounts/password-reset/confirm', { token, password: password.value }];
  },
  t('reset_done'),
);
handle(
  'forgot',
  ({ email }) => ['/v1/accounts/password-reset', { email: email.value }],
  t('forgot_done'),
);

addEventListener('hashchange', show);
show();

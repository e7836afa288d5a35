// The page of the test bank: tells the sandbox what the buyer decided.
const intent = decodeURIComponent(location.pathname.split('/').pop());
const outcome = document.getElementById('outcome');

async function decide(decision) {
  const answer = await fetch(`/v1/sandbox/intents/${encodeURIComponent(intent)}/authenticate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ outcome: decision }),
  });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    outcome.textContent = problem.detail ?? `The bank answered ${answer.status}.`;
    return;
  }
  outcome.textContent = 'Noted. Go back to the shop and finish the payment there.';
  for (const button of document.querySelectorAll('button')) button.disabled = true;
  // A shop that opened this page in a window of its own wants to know.
  window.opener?.postMessage({ intent, outcome: decision }, location.origin);
}

document.getElementById('yes').addEventListener('click', () => decide('succeeded'));
document.getElementById('no').addEventListener('click', () => decide('failed'));

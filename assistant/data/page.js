// Opens an article where a citation points (`server`, `props` and `element` come from gr.HTML), and keeps the
// conversation in view.  Loaded by assistant/ui.py.
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
const chat = document.querySelector("#conversation");
const contents = props.value;
const LOST = `<article><h2 tabindex="-1">Source</h2><p>The article could not be opened, for the assistant does
    not reply. Start it again where it was started, then load this page anew.</p></article>`;
let from = null, latest = 0;

document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-document]");
    if (button) open(button);
    else if (event.target.closest("#source .back")) back();
    else if (event.target.closest("#source .all")) show(contents);
});
document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && from && !event.target.closest("textarea, input")) back();
});

async function open(button) {
    const turn = ++latest, { document: id, number, marks } = button.dataset;
    from?.removeAttribute("aria-current");
    from = element.contains(button) ? null : button;
    from?.setAttribute("aria-current", "true");
    const html = await server.open_source({ document: id, number, marks: JSON.parse(marks) }).catch(() => null);
    if (turn === latest) await show(html || LOST); // another may have been chosen meanwhile
}
async function show(html) {
    if (html !== props.value) {
        const changed = change(element);
        props.value = html;
        await changed;
    }
    const leads = element.querySelector(".back");
    if (leads) leads.hidden = !from;
    const heading = element.querySelector("h2"), mark = element.querySelector("mark.here");
    heading?.focus({ preventScroll: true });
    if (mark) mark.scrollIntoView({ block: "center", behavior: calm() });
    else element.scrollIntoView({ block: "start", behavior: calm() });
}
function change(node) {
    return new Promise((done) => {
        const observer = new MutationObserver(() => (observer.disconnect(), requestAnimationFrame(done)));
        observer.observe(node, { childList: true, subtree: true, characterData: true });
    });
}
function back() {
    const target = from?.isConnected ? from : chat.querySelector("textarea");
    target?.scrollIntoView({ block: "nearest" });
    target?.focus();
}

// A new answer is read from its question on, so that is what the conversation scrolls to and holds while
// the answer grows below it, unless the reader scrolls.  The next question can be typed at once, for
// Gradio takes the focus away while it answers.
let seen = 0, held = false, answering = false;
for (const kind of ["wheel", "touchmove", "keydown"]) chat.addEventListener(kind, () => held = false, { passive: true });
new MutationObserver(() => {
    const questions = chat.querySelectorAll(".message.user"), box = chat.querySelector("textarea");
    const now = questions.length + chat.querySelectorAll(".reply .status").length;
    if (now > seen) held = true;
    if (now !== seen) answering = true;
    seen = now;
    if (held) questions[questions.length - 1]?.scrollIntoView({ block: "start", behavior: calm() });
    const rows = chat.querySelectorAll(".message-row");
    const done = !rows.length || rows[rows.length - 1].querySelector(".status")
        || chat.querySelector(".message-buttons button:not(:disabled)"); // stopped
    if (!answering || !done || box.disabled) return;
    held = answering = false;
    const touch = matchMedia("(hover: none)").matches; // where a focus would bring up the keyboard
    if (document.activeElement === document.body && !touch) box.focus({ preventScroll: true });
}).observe(chat, { childList: true, subtree: true, attributeFilter: ["disabled"] });

// Opens an article where a citation points (`server`, `props` and `element` come from gr.HTML), and keeps the
// conversation in view.  Loaded by assistant/ui.py.
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
let from = null;
document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-document]");
    if (button) {
        const { document: id, number, marks } = button.dataset;
        if (!element.contains(button)) from = button;
        props.value = await server.open_source({ document: id, number, marks: JSON.parse(marks) });
        await new Promise((done) => setTimeout(done, 50));
        const heading = element.querySelector("h2");
        heading?.focus({ preventScroll: true });
        const mark = element.querySelector("mark.here");
        if (mark) mark.scrollIntoView({ block: "center", behavior: calm() });
        else heading?.scrollIntoView({ block: "end", behavior: calm() });
    } else if (event.target.closest("#source .back")) back();
});
element.addEventListener("keydown", (event) => { if (event.key === "Escape") back(); });
function back() {
    const target = from?.isConnected ? from : document.querySelector("#conversation textarea");
    target?.scrollIntoView({ block: "nearest" });
    target?.focus();
}
// A new answer is read from its question on, so that is where the conversation scrolls to.
const chat = document.querySelector("#conversation");
let seen = 0;
new MutationObserver(() => {
    const questions = chat.querySelectorAll(".message.user");
    const now = questions.length + chat.querySelectorAll(".reply .status").length;
    if (now > seen) questions[questions.length - 1]?.scrollIntoView({ block: "start", behavior: calm() });
    seen = now;
}).observe(chat, { childList: true, subtree: true });

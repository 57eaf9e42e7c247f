"""Trains the reader: `python -m rag.training.train_reader --data FOLDER --out FOLDER`.

Seeded; on CPU or GPU; writes checkpoints, a record with the hashes of its data, and the weights in
half precision as safetensors.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import BertModel

from index.models import find_model, sha256_file
from rag.training.reader_data import (
    Example,
    bereft_passages,
    cropped,
    exchanged_questions,
    is_open_ended,
    mined_negatives,
    opposite_questions,
    plain_examples,
    read_rows,
    split_squad,
    without_texts_of,
)

MAX_TOKENS = 256
DROPOUT = 0.0
CROPPED_CHARACTERS = 560
WHOLE = 0.25
# What is scored with the reader: no question and no passage of these is trained on.
EVALUATION = (
    "squad2/questions.dev.jsonl.gz",
    "xquad_ru_en/questions.dev.jsonl.gz",
    "clapnq/questions.dev.jsonl.gz",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What one pass takes of a file: negatives made, as shares of its answerable questions.

    `answered` is the share of those themselves, `unanswerable` how often each written one is seen,
    `open_ended` how often each answerable one that asks for a reason or a way.
    """

    answered: float = 1.0
    open_ended: int = 3
    unanswerable: int = 1
    mined: float = 0.35
    bereft: float = 0.25
    exchanged: float = 0.3
    opposite: float = 0.05


MIXES = {
    "squad2/questions.train.jsonl.gz": Mix(
        unanswerable=2, mined=0.8, bereft=0.5, exchanged=0.3, opposite=0.05
    ),
    "train/squadshifts_new_wiki.jsonl.gz": Mix(mined=0.5, bereft=0.35, exchanged=0.45, opposite=0.1),
    "train/squadshifts_reddit.jsonl.gz": Mix(answered=0.7, mined=0.2, bereft=0.2, exchanged=0.15),
    "train/squadshifts_amazon_reviews.jsonl.gz": Mix(answered=0.5, mined=0.1, bereft=0.15, exchanged=0.1),
    "train/nq_open_oracle.jsonl.gz": Mix(mined=0.8, bereft=0.3, exchanged=0.3),
}
FILES = tuple(MIXES)


class ReaderModel(torch.nn.Module):
    """BERT with three scores a token (answer starts, answer ends, is evidence) and one a passage."""

    def __init__(self, bert: BertModel) -> None:
        super().__init__()
        self.bert = bert
        self.tokens = torch.nn.Linear(bert.config.hidden_size, 3)
        self.answerable = torch.nn.Linear(bert.config.hidden_size, 1)

    def forward(
        self, input_ids: torch.Tensor, token_type_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return token scores `(batch, length, 3)` and answerability logits `(batch,)`."""
        hidden = self.bert(
            input_ids=input_ids, token_type_ids=token_type_ids, attention_mask=attention_mask
        ).last_hidden_state
        return self.tokens(hidden), self.answerable(hidden[:, 0]).squeeze(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """An example as token ids; `start`/`end`/`evidence` are token positions, 0 where there is no answer."""

    ids: list[int]
    types: list[int]
    start: int
    end: int
    evidence: tuple[int, int]


def features(example: Example, tokenizer: Tokenizer) -> Features | None:
    """Return an example's features, or `None` when its answer lies beyond the last token read."""
    encoding = tokenizer.encode(example.question, example.passage)
    if example.answer is None:
        return Features(ids=encoding.ids, types=encoding.type_ids, start=0, end=0, evidence=(0, 0))
    answer = _tokens_of(encoding, example.answer)
    evidence = _tokens_of(encoding, example.evidence or example.answer)
    if answer is None or evidence is None:
        return None
    return Features(
        ids=encoding.ids, types=encoding.type_ids, start=answer[0], end=answer[1], evidence=evidence
    )


def _tokens_of(encoding: Any, span: tuple[int, int]) -> tuple[int, int] | None:
    inside = [
        position
        for position, (sequence, (start, end)) in enumerate(
            zip(encoding.sequence_ids, encoding.offsets, strict=True)
        )
        if sequence == 1 and start < span[1] and end > span[0]
    ]
    return (inside[0], inside[-1]) if inside else None


def passes(folder: Path, tokenizer: Tokenizer, seed: int) -> Iterator[list[Features]]:
    """Yield the features of one pass after another for ever, each with negatives of its own."""
    for number in itertools.count():
        examples = load_examples(folder, random.Random(f"{seed}/{number}"))
        items = [f for f in (features(example, tokenizer) for example in examples) if f is not None]
        print(f"pass {number}: {len(items)} examples", flush=True)
        yield items


def batches(rounds: Iterable[list[Features]], size: int, rng: random.Random) -> Iterator[list[Features]]:
    """Yield batches of similar length, round after round, in random order."""
    for items in rounds:
        order = list(items)
        rng.shuffle(order)
        for start in range(0, len(order), size * 64):
            pool = sorted(order[start : start + size * 64], key=lambda f: len(f.ids))
            groups = [pool[i : i + size] for i in range(0, len(pool), size)]
            rng.shuffle(groups)
            yield from groups


def tensors(batch: Sequence[Features], device: str) -> dict[str, torch.Tensor]:
    """Pad a batch; `context` marks the passage's tokens."""
    # Few different widths: kernels are prepared, and kept, for every shape that is met.
    width = -(-max(len(f.ids) for f in batch) // 32) * 32
    ids = torch.zeros((len(batch), width), dtype=torch.long)
    types, mask = torch.zeros_like(ids), torch.zeros_like(ids)
    evidence = torch.zeros((len(batch), width))
    for row, f in enumerate(batch):
        ids[row, : len(f.ids)] = torch.tensor(f.ids)
        types[row, : len(f.ids)] = torch.tensor(f.types)
        mask[row, : len(f.ids)] = 1
        if f.end:
            evidence[row, f.evidence[0] : f.evidence[1] + 1] = 1.0
    found = {
        "ids": ids,
        "types": types,
        "mask": mask,
        "evidence": evidence,
        "start": torch.tensor([f.start for f in batch]),
        "end": torch.tensor([f.end for f in batch]),
    }
    return {name: tensor.to(device) for name, tensor in found.items()}


def loss_of(model: ReaderModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Span cross-entropy (position 0: no answer) + evidence and answerability cross-entropies."""
    scores, answerable = model(batch["ids"], batch["types"], batch["mask"])
    scores, answerable = scores.float(), answerable.float()
    readable = batch["types"].bool() & batch["mask"].bool()
    allowed = readable.clone()
    allowed[:, 0] = True
    spans = scores[:, :, :2].masked_fill(~allowed.unsqueeze(-1), -1e4)
    span_loss = (
        torch.nn.functional.cross_entropy(spans[:, :, 0], batch["start"])
        + torch.nn.functional.cross_entropy(spans[:, :, 1], batch["end"])
    ) / 2
    has_answer = (batch["end"] > 0).float()
    evidence = torch.nn.functional.binary_cross_entropy_with_logits(
        scores[:, :, 2], batch["evidence"], reduction="none"
    )
    evidence_loss = (evidence * readable).sum() / readable.sum().clamp(min=1)
    answerable_loss = torch.nn.functional.binary_cross_entropy_with_logits(answerable, has_answer)
    return span_loss + evidence_loss + answerable_loss


def load_examples(folder: Path, rng: random.Random) -> list[Example]:
    """Return the examples of one pass over the data; another pass has other negatives and crops."""
    evaluated = [row for name in EVALUATION for row in read_rows(folder / name)]
    examples: list[Example] = []
    for name, mix in MIXES.items():
        rows = read_rows(folder / name)
        if name.startswith("squad2/"):
            rows, _ = split_squad(rows)
        rows = without_texts_of(rows, evaluated)
        plain = list(plain_examples(rows))
        answered = [e for e in plain if e.answer is not None]
        rng.shuffle(answered)
        examples.extend(answered[: round(len(answered) * mix.answered)])
        # Few questions of these files ask for a reason or a way; many that staff ask do.
        examples.extend([e for e in answered if is_open_ended(e.question)] * (mix.open_ended - 1))
        examples.extend([e for e in plain if e.answer is None] * mix.unanswerable)
        for share, negatives in (
            (mix.mined, mined_negatives(rows, 2)),
            (mix.bereft, bereft_passages(rows)),
            (mix.exchanged, exchanged_questions(rows, rng, inside=0.5)),
            (mix.opposite, opposite_questions(rows, rng)),
        ):
            found = list(negatives)
            rng.shuffle(found)
            examples.extend(found[: round(len(answered) * share)])
    rng.shuffle(examples)
    # Short passages train more examples in the same time; some stay whole, as the service reads them.
    return [e if rng.random() < WHOLE else cropped(e, rng, CROPPED_CHARACTERS) for e in examples]


def train(arguments: argparse.Namespace) -> None:
    """Train, and leave `reader.safetensors` and `training.json` in the output folder."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    base = find_model()
    tokenizer = Tokenizer.from_file(str(base.folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
    # Drawing the random numbers of dropout takes as long as all else of a step on a CPU, and two passes
    # with new negatives each do not overfit.
    bert = BertModel.from_pretrained(
        base.folder, add_pooling_layer=False, attention_probs_dropout_prob=0.0, hidden_dropout_prob=DROPOUT
    )
    model = ReaderModel(bert).to(device)
    if arguments.initial is not None:
        weights = {name: t.float() for name, t in load_file(arguments.initial / "reader.safetensors").items()}
        model.load_state_dict(weights, strict=True)
    steps = arguments.examples // arguments.batch
    print(f"{steps} steps on {device}", flush=True)
    # Half of all weights are word vectors; frozen with the layers next to them, a step takes half the
    # time on a CPU, and words that no training question uses keep their meaning.
    for module in (model.bert.embeddings, *model.bert.encoder.layer[: arguments.frozen_layers]):
        for parameter in module.parameters():
            parameter.requires_grad = False
    trained = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.ndim > 1]
    plain = [p for p in trained if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
        lr=arguments.learning_rate,
        fused=True,
    )
    warmup = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / warmup, max(0.0, (steps - s) / max(1, steps - warmup)))
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {
        "base": base.fingerprint,
        "seed": arguments.seed,
        "examples_seen": steps * arguments.batch,
        "batch": arguments.batch,
        "learning_rate": arguments.learning_rate,
        "frozen_layers": arguments.frozen_layers,
        "max_tokens": MAX_TOKENS,
        "data": {name: sha256_file(arguments.data / name) for name in FILES},
        "mixes": {name: asdict(mix) for name, mix in MIXES.items()},
        "left_out": {name: sha256_file(arguments.data / name) for name in EVALUATION},
        "torch": str(torch.__version__),
        "device": device,
        "continued_from": None
        if arguments.initial is None
        else json.loads((arguments.initial / "training.json").read_text()),
    }
    started, running = time.monotonic(), 0.0
    rounds = passes(arguments.data, tokenizer, arguments.seed)
    feed = batches(rounds, arguments.batch, random.Random(arguments.seed + 1))
    model.train()
    for step, batch in enumerate(itertools.islice(feed, steps), start=1):
        with torch.autocast(device, torch.bfloat16, enabled=not arguments.full_precision):
            loss = loss_of(model, tensors(batch, device))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        running += float(loss.detach())
        if step % 50 == 0:
            rate = step * arguments.batch / (time.monotonic() - started)
            print(f"step {step}/{steps} loss {running / 50:.4f} {rate:.1f} examples/s", flush=True)
            running = 0.0
        last = step == min(steps, arguments.stop_after or steps)
        if step % 200 == 0 or last:
            record["steps_done"], record["seconds"] = step, round(time.monotonic() - started)
            save(model, arguments.out, record)
        if last:
            break


def save(model: ReaderModel, out: Path, record: dict[str, Any]) -> None:
    """Write the weights in half precision, and the record beside them with their sha256."""
    weights = {name: tensor.detach().cpu().half().contiguous() for name, tensor in model.state_dict().items()}
    weights.pop("bert.embeddings.position_ids", None)
    save_file(weights, out / "reader.safetensors")
    record["sha256"] = sha256_file(out / "reader.safetensors")
    (out / "training.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with squad2/ and train/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--examples", type=int, default=64_000, help="examples to see in all")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--frozen-layers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--initial", type=Path, help="output folder of an earlier run to go on from")
    parser.add_argument("--stop-after", type=int, help="steps after which to stop, the schedule unchanged")
    parser.add_argument("--full-precision", action="store_true", help="no bfloat16 autocast")
    train(parser.parse_args())


if __name__ == "__main__":
    main()

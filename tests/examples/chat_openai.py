"""Ask with the official `openai` client: python chat_openai.py http://127.0.0.1:8000 "your question" """

import sys

from openai import OpenAI

address, question = sys.argv[1:]
client = OpenAI(base_url=f"{address}/v1", api_key="unused")  # the client wants a key, the service none

whole = client.chat.completions.create(model="verse", messages=[{"role": "user", "content": question}])
message = whole.choices[0].message
print(message.content)
for annotation in message.annotations or []:
    cited = annotation.url_citation
    print(f"{cited.start_index}-{cited.end_index} {cited.title} {cited.url}")

print("--- as it comes")
stream = client.chat.completions.create(
    model="verse",
    messages=[{"role": "user", "content": question}],
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="")
        for annotation in getattr(choice.delta, "annotations", None) or []:
            print("\n" + annotation["url_citation"]["url"], end="")
    for result in getattr(chunk, "search_results", None) or []:
        print(f"\n“{result['snippet']}”", end="")
    if chunk.usage:
        print(f"\n{chunk.usage.total_tokens} tokens")

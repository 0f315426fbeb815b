from fastapi import FastAPI

app = FastAPI()


@app.get("/{answer}")
def hello(answer: int):
    return {"answer": answer}

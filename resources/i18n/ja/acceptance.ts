<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Acceptance</name>
    <message>
        <source>Loads</source>
        <translation>読み込み</translation>
    </message>
    <message>
        <source>Chat template</source>
        <translation>チャットテンプレート</translation>
    </message>
    <message>
        <source>Stops by itself</source>
        <translation>自分で止まる</translation>
    </message>
    <message>
        <source>Calls tools</source>
        <translation>ツール呼び出し</translation>
    </message>
    <message>
        <source>Keeps to a JSON schema</source>
        <translation>JSON スキーマ</translation>
    </message>
    <message>
        <source>Thinking</source>
        <translation>思考</translation>
    </message>
    <message>
        <source>Embeddings</source>
        <translation>埋め込み</translation>
    </message>
    <message>
        <source>Pictures and sound</source>
        <translation>画像と音声</translation>
    </message>
    <message>
        <source>Get another or a newer file of this model: its converter may have been at fault.</source>
        <translation>このモデルの別のファイルか、新しいファイルを入手してください。変換に問題があった可能性があります。</translation>
    </message>
    <message>
        <source>Get the projector, a file with “mmproj” in its name, from where the model came from, and put it into the model's folder. `paddock pull` brings it along.</source>
        <translation>モデルの入手元から、名前に「mmproj」を含むプロジェクターのファイルを入手し、モデルと同じフォルダーに置いてください。`paddock pull` なら一緒に入手します。</translation>
    </message>
    <message>
        <source>Not tried</source>
        <translation>試していません</translation>
    </message>
    <message>
        <source>The model did not load.</source>
        <translation>モデルを読み込めませんでした。</translation>
    </message>
    <message>
        <source>It makes vectors and no text.</source>
        <translation>文章ではなくベクトルを作るモデルです。</translation>
    </message>
    <message>
        <source>Not finished</source>
        <translation>終わりませんでした</translation>
    </message>
    <message>
        <source>There was no answer within {seconds} seconds.</source>
        <translation>{seconds} 秒以内に応答がありませんでした。</translation>
    </message>
    <message>
        <source>Try again when nothing else uses the machine.</source>
        <translation>マシンが空いているときに、もう一度試してください。</translation>
    </message>
    <message>
        <source>The engine ended</source>
        <translation>エンジンが終了しました</translation>
    </message>
    <message>
        <source>{reason}</source>
        <translation>{reason}</translation>
    </message>
    <message>
        <source>{remedy}</source>
        <translation>{remedy}</translation>
    </message>
    <message>
        <source>Try again; when it ends once more, get another quant of the model or a newer engine.</source>
        <translation>もう一度試してください。再び終了するときは、モデルの別の量子化か、新しいエンジンを入手してください。</translation>
    </message>
    <message>
        <source>The engine gave no answer</source>
        <translation>エンジンが応答を返しませんでした</translation>
    </message>
    <message>
        <source>It said: {reason}</source>
        <translation>エンジンの説明: {reason}</translation>
    </message>
    <message>
        <source>What its chat template puts around a question is longer than the {tokens} tokens of this test.</source>
        <translation>チャットテンプレートが質問の前後に付け加える文が、この試験の {tokens} トークンを超えています。</translation>
    </message>
    <message>
        <source>It loads</source>
        <translation>読み込めます</translation>
    </message>
    <message>
        <source>It was ready after {seconds} seconds.</source>
        <translation>{seconds} 秒で準備ができました。</translation>
    </message>
    <message>
        <source>It does not load</source>
        <translation>読み込めません</translation>
    </message>
    <message>
        <source>The engine cannot read its chat template: {reason}</source>
        <translation>エンジンがチャットテンプレートを読めません: {reason}</translation>
    </message>
    <message>
        <source>Get another or a newer file of this model, with a chat template that was corrected.</source>
        <translation>チャットテンプレートが修正された、このモデルの別のファイルか新しいファイルを入手してください。</translation>
    </message>
    <message>
        <source>Conversations are put into the model's own form</source>
        <translation>会話がモデル本来の形式に変換されます</translation>
    </message>
    <message>
        <source>It knows no system prompt: the engine puts it before the first question.</source>
        <translation>システムプロンプトに対応していないため、エンジンが最初の質問の前に置きます。</translation>
    </message>
    <message>
        <source>It has no chat template</source>
        <translation>チャットテンプレートがありません</translation>
    </message>
    <message>
        <source>Conversations get a common form that the model may not know, so that its answers can be confused or endless.</source>
        <translation>会話は一般的な形式に変換されますが、モデルがその形式を知らないと、応答が混乱したり終わらなかったりします。</translation>
    </message>
    <message>
        <source>For chats get a model made for them: “instruct”, “chat” or “it” is in its name. A base model that only continues texts works as it is.</source>
        <translation>チャットには、名前に「instruct」「chat」「it」を含むチャット用のモデルを入手してください。文章の続きを書くだけのベースモデルは、このままで使えます。</translation>
    </message>
    <message>
        <source>Its chat template does not work</source>
        <translation>チャットテンプレートが動作しません</translation>
    </message>
    <message>
        <source>The engine said: {reason}</source>
        <translation>エンジンの説明: {reason}</translation>
    </message>
    <message>
        <source>It knows no system prompt: one has no effect.</source>
        <translation>システムプロンプトに対応していません。設定しても効果がありません。</translation>
    </message>
    <message>
        <source>Its chat template loses words</source>
        <translation>チャットテンプレートで文字が失われます</translation>
    </message>
    <message>
        <source>A question with Japanese characters does not reach the model unchanged.</source>
        <translation>日本語を含む質問が、そのままの形でモデルに届きません。</translation>
    </message>
    <message>
        <source>Its chat template loses what was said before</source>
        <translation>チャットテンプレートでそれまでの会話が失われます</translation>
    </message>
    <message>
        <source>Of a conversation the last question reaches the model, and not all that came before it.</source>
        <translation>モデルに届くのは会話の最後の質問で、それ以前の一部は届きません。</translation>
    </message>
    <message>
        <source>Ask each question by itself. For conversations get a model that is made for them.</source>
        <translation>質問は一つずつ独立して尋ねてください。会話には、会話用のモデルを入手してください。</translation>
    </message>
    <message>
        <source>It ends its answers</source>
        <translation>応答を自分で終えます</translation>
    </message>
    <message>
        <source>A short answer ended after {tokens} tokens.</source>
        <translation>短い応答が {tokens} トークンで終わりました。</translation>
    </message>
    <message>
        <source>It does not stop</source>
        <translation>応答が止まりません</translation>
    </message>
    <message>
        <source>A greeting did not end within {tokens} tokens: the file may name the wrong stop token, or the model does not chat.</source>
        <translation>挨拶への応答が {tokens} トークン以内に終わりませんでした。ファイルの停止トークンが誤っているか、チャット用のモデルではない可能性があります。</translation>
    </message>
    <message>
        <source>Get another or a newer file of this model, or set a limit for the length of answers.</source>
        <translation>このモデルの別のファイルか新しいファイルを入手するか、応答の長さに上限を設けてください。</translation>
    </message>
    <message>
        <source>Special tokens show in its answers</source>
        <translation>応答に特殊トークンが現れます</translation>
    </message>
    <message>
        <source>“{token}” stands in an answer as plain text: the file does not say that it is a special token.</source>
        <translation>「{token}」が応答の文章に現れます。ファイルに特殊トークンとして記されていません。</translation>
    </message>
    <message>
        <source>It answers nothing</source>
        <translation>何も応答しません</translation>
    </message>
    <message>
        <source>A greeting got an empty answer.</source>
        <translation>挨拶への応答が空でした。</translation>
    </message>
    <message>
        <source>It calls tools</source>
        <translation>ツールを呼び出します</translation>
    </message>
    <message>
        <source>It called one and took the result.</source>
        <translation>ツールを呼び出し、結果を受け取りました。</translation>
    </message>
    <message>
        <source>Its chat template knows no tools.</source>
        <translation>チャットテンプレートがツールに対応していません。</translation>
    </message>
    <message>
        <source>It did not call the tool</source>
        <translation>ツールを呼び出しませんでした</translation>
    </message>
    <message>
        <source>It was told to use a tool and answered without.</source>
        <translation>ツールを使うよう指示しましたが、使わずに応答しました。</translation>
    </message>
    <message>
        <source>Use another model for agents and tools; for chats nothing is missing.</source>
        <translation>エージェントやツールには別のモデルを使ってください。チャットには支障ありません。</translation>
    </message>
    <message>
        <source>It calls tools that do not exist</source>
        <translation>存在しないツールを呼び出します</translation>
    </message>
    <message>
        <source>It called “{name}”, which it was not offered.</source>
        <translation>与えていない「{name}」を呼び出しました。</translation>
    </message>
    <message>
        <source>Use a larger model or a better quant for agents and tools.</source>
        <translation>エージェントやツールには、より大きなモデルか、より高品質な量子化を使ってください。</translation>
    </message>
    <message>
        <source>It calls tools with wrong arguments</source>
        <translation>誤った引数でツールを呼び出します</translation>
    </message>
    <message>
        <source>They are not what the tool takes.</source>
        <translation>引数がツールの受け取る形と異なります。</translation>
    </message>
    <message>
        <source>A tool's result does not reach it</source>
        <translation>ツールの結果が届きません</translation>
    </message>
    <message>
        <source>Its chat template leaves the result out.</source>
        <translation>チャットテンプレートが結果を落としています。</translation>
    </message>
    <message>
        <source>It keeps to a JSON schema</source>
        <translation>JSON スキーマに従います</translation>
    </message>
    <message>
        <source>Its answer to a JSON schema is no JSON</source>
        <translation>JSON スキーマへの応答が JSON になりません</translation>
    </message>
    <message>
        <source>The engine holds a model to the schema; with this one it did not succeed.</source>
        <translation>エンジンはモデルをスキーマに従わせますが、このモデルではうまくいきませんでした。</translation>
    </message>
    <message>
        <source>Use another model where programs read the answers, or try a newer engine.</source>
        <translation>プログラムが応答を読む用途には別のモデルを使うか、新しいエンジンを試してください。</translation>
    </message>
    <message>
        <source>Its answer does not keep to the JSON schema</source>
        <translation>応答が JSON スキーマに従いません</translation>
    </message>
    <message>
        <source>It is JSON with other keys or other kinds of values.</source>
        <translation>JSON ですが、キーまたは値の種類が異なります。</translation>
    </message>
    <message>
        <source>Its answer to a JSON schema does not end</source>
        <translation>JSON スキーマへの応答が終わりません</translation>
    </message>
    <message>
        <source>It was not whole after {tokens} tokens.</source>
        <translation>{tokens} トークンでも完結しませんでした。</translation>
    </message>
    <message>
        <source>Use another model where programs read the answers.</source>
        <translation>プログラムが応答を読む用途には、別のモデルを使ってください。</translation>
    </message>
    <message>
        <source>Its chat template knows no thinking.</source>
        <translation>チャットテンプレートが思考に対応していません。</translation>
    </message>
    <message>
        <source>Thinking is kept apart from the answer</source>
        <translation>思考が応答と分けられます</translation>
    </message>
    <message>
        <source>It can be switched off.</source>
        <translation>思考を切ることができます。</translation>
    </message>
    <message>
        <source>It cannot be switched off.</source>
        <translation>思考を切ることはできません。</translation>
    </message>
    <message>
        <source>Not seen</source>
        <translation>確認できませんでした</translation>
    </message>
    <message>
        <source>Its chat template knows thinking; it answered without.</source>
        <translation>チャットテンプレートは思考に対応していますが、思考せずに応答しました。</translation>
    </message>
    <message>
        <source>Its thinking shows in the answers</source>
        <translation>思考が応答に混ざります</translation>
    </message>
    <message>
        <source>“{tag}” stands in an answer as plain text: the engine does not recognise it.</source>
        <translation>「{tag}」が応答の文章に現れます。エンジンがこれを認識していません。</translation>
    </message>
    <message>
        <source>Get a newer file of this model or a newer engine.</source>
        <translation>このモデルの新しいファイルか、新しいエンジンを入手してください。</translation>
    </message>
    <message>
        <source>Its thinking does not end</source>
        <translation>思考が終わりません</translation>
    </message>
    <message>
        <source>There was no answer after {tokens} tokens of thinking.</source>
        <translation>{tokens} トークン思考しても応答がありませんでした。</translation>
    </message>
    <message>
        <source>Give it more room: a larger context and no limit for the length of answers. If that does not help, get another file of this model.</source>
        <translation>コンテキストを大きくし、応答の長さの上限を外してください。それでも終わらないときは、このモデルの別のファイルを入手してください。</translation>
    </message>
    <message>
        <source>Its thinking cannot be switched off</source>
        <translation>思考を切ることができません</translation>
    </message>
    <message>
        <source>It goes on thinking although its chat template was told not to.</source>
        <translation>思考しないよう指定しても、思考を続けます。</translation>
    </message>
    <message>
        <source>Leave thinking on with this model, or get a newer file of it.</source>
        <translation>このモデルでは思考を有効にしておくか、新しいファイルを入手してください。</translation>
    </message>
    <message>
        <source>It makes text and no vectors.</source>
        <translation>ベクトルではなく文章を作るモデルです。</translation>
    </message>
    <message>
        <source>It ranks texts and makes no vectors.</source>
        <translation>文章を順位付けするモデルで、ベクトルは作りません。</translation>
    </message>
    <message>
        <source>It makes vectors</source>
        <translation>ベクトルを作ります</translation>
    </message>
    <message>
        <source>{dimension} numbers for each text.</source>
        <translation>一つの文章につき {dimension} 個の数値です。</translation>
    </message>
    <message>
        <source>Its vectors have the wrong length</source>
        <translation>ベクトルの次元数が誤っています</translation>
    </message>
    <message>
        <source>{found} numbers instead of {dimension}.</source>
        <translation>{dimension} 個のはずの数値が {found} 個です。</translation>
    </message>
    <message>
        <source>Its vectors are no numbers</source>
        <translation>ベクトルが数値になっていません</translation>
    </message>
    <message>
        <source>There are values that are not finite.</source>
        <translation>有限でない値が含まれています。</translation>
    </message>
    <message>
        <source>Its vectors are not of length 1</source>
        <translation>ベクトルの大きさが 1 ではありません</translation>
    </message>
    <message>
        <source>Programs that compare vectors expect a length of 1; it is {length}.</source>
        <translation>ベクトルを比べるプログラムは大きさ 1 を前提としていますが、{length} です。</translation>
    </message>
    <message>
        <source>Divide them by their length before you compare them.</source>
        <translation>比べる前に、それぞれの大きさで割ってください。</translation>
    </message>
    <message>
        <source>Different texts get the same vector</source>
        <translation>異なる文章が同じベクトルになります</translation>
    </message>
    <message>
        <source>Its tokenizer may know none of the words.</source>
        <translation>トークナイザーが単語をまったく知らない可能性があります。</translation>
    </message>
    <message>
        <source>It is made for text alone.</source>
        <translation>文章専用のモデルです。</translation>
    </message>
    <message>
        <source>Its chat template takes pictures or sound, but its repository offers no projector: this one is made for text alone.</source>
        <translation>チャットテンプレートは画像や音声に対応していますが、リポジトリーにプロジェクターがありません。このモデルは文章専用です。</translation>
    </message>
    <message>
        <source>Its projector loads</source>
        <translation>プロジェクターを読み込めます</translation>
    </message>
    <message>
        <source>Its projector is missing</source>
        <translation>プロジェクターがありません</translation>
    </message>
    <message>
        <source>It is made for pictures or sound; without a projector beside it, it takes text alone.</source>
        <translation>画像や音声のためのモデルですが、プロジェクターがないと文章しか扱えません。</translation>
    </message>
    <message>
        <source>Its chat template takes pictures or sound; without a projector beside it, it takes text alone. Some models share the template with a larger one that sees: then nothing is missing.</source>
        <translation>チャットテンプレートは画像や音声に対応していますが、プロジェクターがないと文章しか扱えません。画像を扱えるより大きなモデルとテンプレートを共有しているだけなら、不足はありません。</translation>
    </message>
    <message>
        <source>Its projector does not load</source>
        <translation>プロジェクターを読み込めません</translation>
    </message>
    <message>
        <source>Without the projector the model loads. With it: {reason}</source>
        <translation>プロジェクターなしなら読み込めます。ありの場合: {reason}</translation>
    </message>
    <message>
        <source>Get the projector that belongs to exactly this model.</source>
        <translation>このモデル専用のプロジェクターを入手してください。</translation>
    </message>
    <message>
        <source>Beside what is loaded now, its projector does not fit in memory.</source>
        <translation>いま読み込まれているもののほかに、プロジェクターを載せるメモリーがありません。</translation>
    </message>
    <message>
        <source>Its projector brings nothing</source>
        <translation>プロジェクターが役に立っていません</translation>
    </message>
    <message>
        <source>It loads, but the engine takes neither pictures nor sound with it.</source>
        <translation>読み込めますが、エンジンは画像も音声も受け付けません。</translation>
    </message>
    <message>
        <source>Get the projector that belongs to exactly this model, or a newer engine.</source>
        <translation>このモデル専用のプロジェクターか、新しいエンジンを入手してください。</translation>
    </message>
</context>
</TS>

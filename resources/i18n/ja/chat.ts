<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>ChatPage</name>
    <message>
        <source>Chat</source>
        <translation>チャット</translation>
    </message>
    <message>
        <source>Hide the conversations</source>
        <translation>会話の一覧を隠す</translation>
    </message>
    <message>
        <source>Show the conversations</source>
        <translation>会話の一覧を表示</translation>
    </message>
    <message>
        <source>Save this conversation as a file</source>
        <translation>この会話をファイルに保存</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新しいチャット</translation>
    </message>
    <message>
        <source>Begin a conversation (Ctrl+N)</source>
        <translation>新しい会話を始める (Ctrl+N)</translation>
    </message>
    <message>
        <source>“{title}” was deleted.</source>
        <translation>「{title}」を削除しました。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>元に戻す</translation>
    </message>
    <message>
        <source>Save the conversation</source>
        <translation>会話を保存</translation>
    </message>
</context>
<context>
    <name>Sidebar</name>
    <message>
        <source>Search conversations</source>
        <translation>会話を検索</translation>
    </message>
    <message>
        <source>Conversations</source>
        <translation>会話</translation>
    </message>
    <message>
        <source>Nothing holds these words.</source>
        <translation>この語を含む会話はありません。</translation>
    </message>
    <message>
        <source>Conversations are kept here.</source>
        <translation>会話はここに残ります。</translation>
    </message>
</context>
<context>
    <name>Thread</name>
    <message>
        <source>Messages</source>
        <translation>メッセージ</translation>
    </message>
</context>
<context>
    <name>UserMessage</name>
    <message>
        <source>Your message</source>
        <translation>あなたのメッセージ</translation>
    </message>
    <message>
        <source>Show more ({shown} of {total} characters)</source>
        <translation>続きを表示（全 {total} 文字のうち {shown} 文字）</translation>
    </message>
</context>
<context>
    <name>AnswerMessage</name>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>Waiting for its turn…</source>
        <translation>順番を待っています…</translation>
    </message>
    <message>
        <source>Thinking…</source>
        <translation>考えています…</translation>
    </message>
    <message>
        <source>Thought for a moment</source>
        <translation>少し考えました</translation>
    </message>
    <message>
        <source>Reasoning</source>
        <translation>考えた内容</translation>
    </message>
    <message>
        <source>■ Stopped</source>
        <translation>■ 停止しました</translation>
    </message>
    <message>
        <source>■ Interrupted: the service ended while it was writing.</source>
        <translation>■ 中断：書いている途中でサービスが終了しました。</translation>
    </message>
    <message>
        <source>■ Ended at the limit of tokens</source>
        <translation>■ トークン数の上限で終わりました</translation>
    </message>
    <message>
        <source>The answer failed</source>
        <translation>回答できませんでした</translation>
    </message>
    <message>
        <source>Retry</source>
        <translation>もう一度試す</translation>
    </message>
</context>
<context>
    <name>Actions</name>
    <message>
        <source>Copy the message</source>
        <translation>メッセージをコピー</translation>
    </message>
    <message>
        <source>Earlier version</source>
        <translation>前の版</translation>
    </message>
    <message>
        <source>Later version</source>
        <translation>次の版</translation>
    </message>
    <message>
        <source>Change and send again</source>
        <translation>書き直して送る</translation>
    </message>
    <message>
        <source>Answer again</source>
        <translation>もう一度答える</translation>
    </message>
    <message>
        <source>TTFT {time}</source>
        <translation>TTFT {time}</translation>
    </message>
    <message>
        <source>{count} tokens</source>
        <translation>{count} トークン</translation>
    </message>
</context>
<context>
    <name>Editor</name>
    <message>
        <source>Change your message</source>
        <translation>メッセージを書き直す</translation>
    </message>
    <message>
        <source>Send again</source>
        <translation>送り直す</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
</context>
<context>
    <name>Composer</name>
    <message>
        <source>Ask something</source>
        <translation>質問を書いてください</translation>
    </message>
    <message>
        <source>Your message</source>
        <translation>あなたのメッセージ</translation>
    </message>
    <message>
        <source>System prompt and sampling</source>
        <translation>システムプロンプトとサンプリング</translation>
    </message>
    <message>
        <source>Remove the pasted text</source>
        <translation>貼り付けたテキストを取り除く</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>モデルなし</translation>
    </message>
    <message>
        <source>Model: {model}</source>
        <translation>モデル：{model}</translation>
    </message>
    <message>
        <source>It is loaded when you send.</source>
        <translation>送信すると読み込まれます。</translation>
    </message>
    <message>
        <source>demo</source>
        <translation>デモ</translation>
    </message>
    <message>
        <source>loaded</source>
        <translation>読み込み済み</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop the answer (Esc)</source>
        <translation>回答を止める (Esc)</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>送信</translation>
    </message>
    <message>
        <source>Enter sends, Shift+Enter begins a new line</source>
        <translation>Enter で送信、Shift+Enter で改行</translation>
    </message>
    <message>
        <source>Context: {used} of {total} tokens used</source>
        <translation>コンテキスト：{total} トークン中 {used} を使用</translation>
    </message>
    <message>
        <source>Pasted text, {size}</source>
        <translation>貼り付けたテキスト {size}</translation>
    </message>
    <message>
        <source>No model can chat. Add one in the Library.</source>
        <translation>チャットできるモデルがありません。ライブラリで追加してください。</translation>
    </message>
</context>
<context>
    <name>Options</name>
    <message>
        <source>For this conversation</source>
        <translation>この会話の設定</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>システムプロンプト</translation>
    </message>
    <message>
        <source>What the model should know or be, if anything</source>
        <translation>モデルの役割や前提を書きます（なくてもかまいません）</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Most tokens</source>
        <translation>最大トークン数</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>モデルの既定</translation>
    </message>
    <message>
        <source>no limit</source>
        <translation>上限なし</translation>
    </message>
    <message>
        <source>The bundled model always answers at temperature 0: it knows its answers by heart, and chance would only spoil them.</source>
        <translation>同梱のモデルは常に温度 0 で答えます。答えを覚え込んだモデルなので、揺らぎを加えると崩れてしまうためです。</translation>
    </message>
</context>
<context>
    <name>Welcome</name>
    <message>
        <source>There is no model that can chat yet. Add one in the Library.</source>
        <translation>チャットできるモデルがまだありません。ライブラリで追加してください。</translation>
    </message>
    <message>
        <source>Ask the bundled model something: it knows about local models.</source>
        <translation>同梱のモデルに聞いてみましょう。ローカルモデルのことなら答えられます。</translation>
    </message>
    <message>
        <source>Ask {model} something.</source>
        <translation>{model} に質問してみましょう。</translation>
    </message>
    <message>
        <source>What is Q4_K_M?</source>
        <translation>Q4_K_M とは何ですか？</translation>
    </message>
    <message>
        <source>What does context length mean?</source>
        <translation>コンテキスト長とは何ですか？</translation>
    </message>
    <message>
        <source>How much memory does a model need?</source>
        <translation>モデルにはどのくらいのメモリが必要ですか？</translation>
    </message>
</context>
<context>
    <name>CodeView</name>
    <message>
        <source>Copy the code</source>
        <translation>コードをコピー</translation>
    </message>
    <message>
        <source>Text</source>
        <translation>テキスト</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>コード</translation>
    </message>
</context>
<context>
    <name>Stages</name>
    <message>
        <source>Reading file</source>
        <translation>ファイルの読み込み</translation>
    </message>
    <message>
        <source>Placing layers</source>
        <translation>層の配置</translation>
    </message>
    <message>
        <source>Warming up</source>
        <translation>ウォームアップ</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>準備完了</translation>
    </message>
    <message>
        <source>Progress of loading</source>
        <translation>読み込みの進み具合</translation>
    </message>
</context>
</TS>

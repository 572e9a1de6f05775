/**
 * Texts in the pieces that a tokenizer makes of them (OpenAI's o200k), with `¦` between two tokens. Nothing
 * between two of these: the token's bytes come with the next one, as a letter of several bytes can be cut in
 * two.
 */

const PROSE =
  `A¦ budget¦ limits¦ what¦ a¦ token¦ may¦ spend¦ per¦ day¦,¦ per¦ month¦ or¦ in¦ all¦.¦ Requests¦ count¦ when¦ they¦ begin¦,¦ and¦ money¦ counts¦ when¦ the¦ response¦ ends¦.¦ In¦ between¦,¦ the¦ proxy¦ keeps¦ back¦ what¦ a¦ request¦ may¦ cost¦,¦ so¦ that¦ several¦ requests¦ at¦ a¦ time¦ cannot¦ spend¦ the¦ same¦ remainder¦.¦ Where¦ a¦ response¦ does¦ not¦ state¦ its¦ usage¦,¦ the¦ proxy¦ estimates¦ it¦ from¦ the¦ text¦ that¦ passed¦:¦ four¦ bytes¦ count¦ as¦ one¦ token¦.¦ Some¦ models¦ think¦ before¦ they¦ answer¦,¦ and¦ nobody¦ sees¦ those¦ tokens¦ on¦ the¦ wire¦.¦ The¦ provider¦ bills¦ them¦ all¦ the¦ same¦.¦ If¦ you¦ want¦ exact¦ figures¦ for¦ streams¦,¦ ask¦ for¦ them¦ with¦ stream¦_options¦,¦ or¦ let¦ the¦ proxy¦ ask¦ on¦ behalf¦ of¦ its¦ clients¦.

¦Sure¦!¦ Here¦ is¦ a¦ short¦ plan¦ for¦ your¦ weekend¦ in¦ Lisbon¦.¦ On¦ Saturday¦ morning¦,¦ take¦ tram¦ ¦28¦ up¦ to¦ the¦ castle¦ and¦ walk¦ down¦ through¦ Alf¦ama¦;¦ the¦ viewpoints¦ are¦ quiet¦ before¦ ten¦ o¦'clock¦.¦ Have¦ lunch¦ near¦ the¦ river¦,¦ then¦ visit¦ the¦ tile¦ museum¦.¦ On¦ Sunday¦ you¦ could¦ go¦ to¦ Sin¦tra¦ by¦ train¦ (¦about¦ ¦40¦ minutes¦ each¦ way¦).¦ Don't¦ forget¦ comfortable¦ shoes¦:¦ the¦ streets¦ are¦ steep¦,¦ and¦ the¦ pavement¦ gets¦ slippery¦ when¦ it¦ rains¦.¦ **¦Total¦ cost¦:**¦ roughly¦ €¦180¦ per¦ person¦,¦ without¦ the¦ hotel¦.

¦1¦.¦ Check¦ whether¦ the¦ container¦ is¦ running¦ with¦ \`¦docker¦ ps¦\`.
¦2¦.¦ Read¦ the¦ last¦ lines¦ of¦ its¦ log¦.
¦3¦.¦ Restart¦ it¦ only¦ after¦ you¦ have¦ copied¦ the¦ database¦,¦ because¦ an¦ interrupted¦ migration¦ cannot¦ be¦ repeated¦.`;

const CODE = `interface¦ Waiting¦ {
¦ ¦ readonly¦ principal¦:¦ string¦;
¦ ¦ readonly¦ enter¦:¦ ()¦ =>¦ void¦;
¦ ¦ readonly¦ refuse¦:¦ ()¦ =>¦ void¦;
¦}

/¦**¦ Whoever¦ comes¦ when¦ so¦ many¦ wait¦ is¦ refused¦ at¦ once¦.¦ */
¦const¦ MAX¦_WAIT¦ING¦ =¦ ¦1¦_¦000¦;
/¦**¦ What¦ whoever¦ was¦ refused¦ is¦ told¦ to¦ wait¦:¦ those¦ that¦ run¦ last¦ for¦ seconds¦,¦ mostly¦.¦ */
¦const¦ RET¦RY¦_AFTER¦_SECONDS¦ =¦ ¦2¦;

/¦**¦ Places¦ for¦ exchanges¦.¦ */
¦export¦ class¦ Slots¦ {
¦ ¦ readonly¦ #¦clock¦:¦ Clock¦;
¦ ¦ #¦limits¦:¦ Slot¦Limits¦;
¦ ¦ #¦running¦ =¦ ¦0¦;
¦ ¦ readonly¦ #¦by¦Principal¦ =¦ new¦ Map¦<string¦,¦ number¦>();
¦ ¦ /**¦ In¦ the¦ order¦ in¦ which¦ they¦ came¦.¦ */
¦ ¦ readonly¦ #¦waiting¦ =¦ new¦ Set¦<¦Waiting¦>();

¦ ¦ constructor¦(l¦imits¦:¦ Slot¦Limits¦,¦ clock¦:¦ Clock¦)¦ {
¦   ¦ this¦.#¦limits¦ =¦ limits¦;
¦   ¦ this¦.#¦clock¦ =¦ clock¦;
¦ ¦ }

¦ ¦ /**¦ Other¦ bounds¦ hold¦ from¦ now¦ on¦;¦ what¦ runs¦ goes¦ on¦.¦ */
¦ ¦ configure¦(l¦imits¦:¦ Slot¦Limits¦):¦ void¦ {
¦   ¦ this¦.#¦limits¦ =¦ limits¦;
¦   ¦ this¦.#¦ad¦mit¦Waiting¦();
¦ ¦ }

¦ ¦ /**¦ Exchanges¦ that¦ wait¦.¦ */
¦ ¦ get¦ waiting¦():¦ number¦ {
¦   ¦ return¦ this¦.#¦waiting¦.size¦;
¦ ¦ }

¦ ¦ /**
¦  ¦ *¦ A¦ place¦ for¦ an¦ exchange¦,¦ which¦ is¦ given¦ back¦ by¦ calling¦ what¦ comes¦ back¦.¦ A¦ promise¦ only¦ where¦ one¦ has¦ to¦ wait¦;
¦  ¦ *¦ it¦ rejects¦ with¦ the¦ fault¦ \`¦over¦loaded¦\`,¦ or¦ with¦ the¦ reason¦ of¦ the¦ cancellation¦.
¦  ¦ */
¦ ¦ take¦(pr¦incipal¦:¦ string¦,¦ cancellation¦:¦ Cancellation¦):¦ (()¦ =>¦ void¦)¦ |¦ Promise¦<¦()¦ =>¦ void¦>¦ {
¦   ¦ if¦ (!¦this¦.#¦has¦Room¦(pr¦incipal¦))¦ return¦ this¦.#¦queue¦(pr¦incipal¦,¦ cancellation¦);
¦   ¦ return¦ this¦.#¦enter¦(pr¦incipal¦);
¦ ¦ }

¦ ¦ #¦has¦Room¦(pr¦incipal¦:¦ string¦):¦ boolean¦ {
¦def¦ parse¦(lines¦:¦ list¦[str¦])¦ ->¦ dict¦[str¦,¦ int¦]:
¦   ¦ totals¦:¦ dict¦[str¦,¦ int¦]¦ =¦ {}
¦   ¦ for¦ number¦,¦ line¦ in¦ enumerate¦(lines¦,¦ start¦=¦1¦):
¦       ¦ name¦,¦ _,¦ amount¦ =¦ line¦.partition¦("="¦)
¦       ¦ if¦ not¦ amount¦.strip¦().¦isdigit¦():
¦           ¦ raise¦ Value¦Error¦(f¦"¦line¦ {¦number¦}:¦ {¦amount¦!¦r¦}¦ is¦ not¦ a¦ number¦")
¦       ¦ totals¦[name¦.strip¦()]¦ =¦ totals¦.get¦(name¦.strip¦(),¦ ¦0¦)¦ +¦ int¦(amount¦)
¦   ¦ return¦ totals¦

¦{"¦id¦":¦ ¦17¦,¦ "¦name¦":¦ "¦desk¦",¦ "¦weights¦":¦ [¦0¦.¦25¦,¦ ¦0¦.¦5¦,¦ ¦1¦.¦0¦],¦ "¦enabled¦":¦ true¦,¦ "¦parent¦":¦ null¦}
¦SELECT¦ endpoint¦,¦ SUM¦(cost¦_m¦ic¦ros¦)¦ /¦ ¦1¦e¦6¦ AS¦ dollars¦ FROM¦ exchanges¦ WHERE¦ started¦_at¦ >=¦ ¦176¦437¦440¦000¦0¦ GROUP¦ BY¦ ¦1¦;
`;

const CHINESE =
  `预算¦限制¦一个¦令¦牌¦每天¦、¦每¦月¦或¦总¦共¦可以¦花¦费¦的¦金额¦。¦请求¦在¦开始¦时¦计¦数¦，¦费用¦在¦回答¦结束¦时¦计算¦。在¦此¦期间¦，¦代理¦会¦为¦每¦个¦请求¦保¦留¦它¦可能¦产生¦的¦最大¦费用¦，因此¦同时¦运行¦的¦多个¦请求¦不能¦重复¦使用¦同¦一¦笔¦余额¦。如果¦回答¦没有¦说明¦用¦量¦，¦代理¦会¦根据¦经过¦的¦文本¦进行¦估¦算¦：¦四¦个¦字¦节¦算¦作¦一个¦词¦元¦。有¦些¦模型¦在¦回答¦之前¦会¦先¦思¦考¦，这¦些¦内容¦不会¦出¦现在¦网络¦上¦，但¦服务¦商¦仍¦然¦会¦收费¦。
¦今天¦北京¦的¦天气¦晴¦朗¦，¦最高¦气¦温¦二¦十三¦度¦，¦适¦合¦外¦出¦散¦步¦。¦建议¦您¦早¦上¦去¦¦颐¦和¦园¦，中¦午¦在¦附近¦的小¦餐¦馆¦吃¦一¦¦碗¦炸¦¦酱¦面¦，¦下午¦可以¦参¦观¦国家¦博¦物¦馆¦。¦请¦注意¦：¦周¦一¦闭¦馆¦，¦门¦票¦需要¦提前¦在¦网上¦预约¦。
¦首先¦安装¦依¦赖¦，然后¦修改¦配置¦文件¦中的¦端¦口¦号¦，¦最后¦重新¦启动¦服务¦。如果¦仍¦然¦无法¦连接¦，请¦检查¦防¦火¦墙¦设置¦，并¦确¦认证¦书¦没有¦过¦期¦。`;

/** The texts by what they are; each piece is a token. */
export const PIECES: Readonly<Record<"prose" | "code" | "chinese", readonly string[]>> = {
  prose: PROSE.split("¦"),
  code: CODE.split("¦"),
  chinese: CHINESE.split("¦"),
};
